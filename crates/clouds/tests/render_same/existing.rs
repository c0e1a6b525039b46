//! Parts of an environment that are there already mean the same on every cloud: what is rendered
//! makes everything new, so they are refused by name before anything is written.

use trefoil_clouds::registry;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::parse;

const PARTS: [(&str, &str); 4] = [
    ("database", "database: { admin_url: \"env:ADMIN\" }"),
    ("application", "application: { url: \"https://old.example.com\" }"),
    ("buckets", "buckets: { documents: { name: old } }"),
    ("sessions", "sessions: { url: \"env:SESSIONS\" }"),
];
const REGIONS: [(&str, &str); 3] =
    [("aws", "us-east-1"), ("azure", "eastus"), ("gcp", "us-central1")];

/// The keys that are refused of an environment with this part.
fn refused(cloud: &str, region: &str, folder: &str, part: &str) -> Vec<String> {
    let text = format!(
        "name: shop\napplication: {{ image: \"a.io/b:1\" }}\ndatabase: {{}}\nbuckets: {{ documents: }}\n\
         sessions: {{}}\nenvironments:\n  live: {{ cloud: {cloud}, region: {region}, {part} }}\n"
    );
    let parsed = parse("trefoil.yaml", &text, &["aws", "azure", "gcp"]);
    let spec = parsed.unwrap_or_else(|found| panic!("{text}\n{found:#?}")).spec;
    let deployment = Deployment::new(&spec, folder, region, false);
    let misfits = (registry::renderer(cloud).unwrap().misfits)(&deployment);
    misfits.into_iter().map(|one| one.path).collect()
}

#[test]
fn what_is_there_already_is_refused_by_name_on_every_cloud() {
    for (cloud, region) in REGIONS {
        for (name, part) in PARTS {
            // The folder has the cloud's name when there is no other environment.
            for folder in ["live", cloud] {
                let expected = [format!("environments.live.{name}")];
                assert_eq!(refused(cloud, region, folder, part), expected, "{cloud} {folder}");
            }
        }
    }
}
