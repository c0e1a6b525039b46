//! What is not asked for is not there, and a change of one key changes what it should and no more.

use super::support::{file, names, of_text, render};

const TINY: &str = "name: shop\napplication: {image: \"ghcr.io/acme/shop:1.0.0\"}\n";

/// The files that differ between two texts.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (render(&of_text(before)), render(&of_text(after)));
    let differs = |one: &&trefoil_clouds::operate::render::Artefact| {
        !before.iter().any(|other| other == *one)
    };
    let gone = before.iter().filter(|one| !after.iter().any(|other| other.path == one.path));
    let mut files: Vec<_> = after.iter().filter(differs).chain(gone).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let name = |path: &str| path.rsplit_once('/').map_or(path, |(_, name)| name).to_owned();
    files.iter().map(|one| name(&one.path)).collect()
}

#[test]
fn a_container_alone_has_nothing_that_it_does_not_need() {
    let artefacts = render(&of_text(TINY));
    assert_eq!(
        names(&artefacts),
        [
            "README.md",
            "versions.tf",
            "providers.tf",
            "variables.tf",
            "locals.tf",
            "apis.tf",
            "identity.tf",
            "registry.tf",
            "service.tf",
            "service.yaml",
            "monitoring.tf",
            "dashboard.tf",
            "delivery.tf",
            "outputs.tf",
            "deploy-gcp.yml",
        ]
    );
    for word in ["google_sql", "google_storage", "google_compute", "google_firestore", "random"] {
        assert!(!artefacts.iter().any(|one| one.contents.contains(word)), "{word}");
    }
}

#[test]
fn one_key_changes_what_it_should() {
    let with = |keys: &str| format!("{TINY}{keys}\n");
    let cases = [
        ("", "scale: {max: 20}", vec!["service.tf", "service.yaml"]),
        ("", "size: {cpu: 2, memory: 4Gi}", vec!["service.tf", "service.yaml"]),
        (
            "",
            "sessions:",
            vec!["apis.tf", "locals.tf", "outputs.tf", "service.yaml", "sessions.tf"],
        ),
        ("sessions:", "sessions: {ttl: 5h}", vec![]),
        (
            "",
            "buckets: {documents: }",
            vec!["README.md", "apis.tf", "locals.tf", "outputs.tf", "service.yaml", "storage.tf"],
        ),
        ("database:", "database: {storage: 50GB}", vec!["database.tf"]),
        ("database:", "database: {backup_days: 9}", vec!["database.tf"]),
        (
            "domain: a.example.com",
            "domain: b.example.com",
            vec!["deploy-gcp.yml", "README.md", "dns.tf", "edge.tf", "monitoring.tf", "outputs.tf"],
        ),
    ];
    for (before, after, files) in cases {
        let found = changed(&with(before), &with(after));
        assert_eq!(found, files, "{before} -> {after}");
    }
}

#[test]
fn a_move_needs_a_database_that_streams_its_changes() {
    let text = format!("{TINY}database:\n");
    let mut deployment = of_text(&text);
    let flag = "cloudsql.logical_decoding";
    assert!(!file(&render(&deployment), "database.tf").contains(flag));
    deployment.streams_changes = true;
    assert!(file(&render(&deployment), "database.tf").contains(flag));
}

#[test]
fn images_come_from_where_they_are() {
    let locals = |image: &str| {
        let text = format!("name: shop\napplication: {{image: \"{image}\"}}\n");
        let artefacts = render(&of_text(&text));
        let upstream = file(&artefacts, "registry.tf").contains("REMOTE_REPOSITORY");
        (file(&artefacts, "locals.tf").to_owned(), upstream)
    };
    let (text, upstream) = locals("europe-docker.pkg.dev/acme/shop/shop:1.0.0");
    assert!(text.contains("coalesce(var.image, \"europe-docker.pkg.dev/acme/shop/shop:1.0.0\")"));
    assert!(!upstream);
    let (text, upstream) = locals("nginx:1.27");
    assert!(text.contains("/library/nginx:1.27\""), "{text}");
    assert!(upstream);
    // Without a fixed version there is no default: whoever applies must name one.
    let (text, upstream) = locals("ghcr.io/acme/shop:latest");
    assert!(text.contains("image = var.image") && !upstream, "{text}");
}
