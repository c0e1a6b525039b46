//! The two halves of the private path between the databases of a pair: each is checked against the
//! other, for every two clouds.

use std::collections::BTreeSet;

use crate::Rendered;
use crate::bicep::{self, Expr};
use crate::hcl::{block, find, read, texts, value, whole};

/// One half of the path.
#[derive(Debug)]
struct Half {
    router: u64,
    other_router: u64,
    addresses: String,
    /// The ends of the tunnels inside that this half fixes: first three numbers, and the network
    /// and the end within; none where it takes those of the other half.
    inside: Vec<(String, u64)>,
    /// What it agrees to for the keys of a tunnel, and for what goes through it.
    proposals: [BTreeSet<&'static str>; 2],
}

const REGIONS: [(&str, &str); 3] =
    [("aws", "us-east-1"), ("azure", "eastus"), ("gcp", "us-central1")];

/// A pair that asks for a private path.
fn pair(primary: &str, standby: &str) -> String {
    let region = |cloud: &str| REGIONS.iter().find(|(name, _)| *name == cloud).unwrap().1;
    format!(
        "name: shop\napplication: {{image: \"ghcr.io/acme/shop:1.4.2\"}}\ndatabase:\ndomain: shop.example.com\n\
         recovery: {{primary: here, standby: there, private_network: true}}\nenvironments:\n  \
         here: {{cloud: {primary}, region: {}}}\n  there: {{cloud: {standby}, region: {}}}\n",
        region(primary),
        region(standby)
    )
}

fn half(cloud: &str, rendered: &Rendered) -> Half {
    match cloud {
        "aws" => of_aws(rendered),
        "azure" => of_azure(rendered),
        _ => of_gcp(rendered),
    }
}

fn of_aws(rendered: &Rendered) -> Half {
    let vpn = read(rendered.file("vpn.tf"));
    let resource = |kind: &str, name: &str| block(&vpn, "resource", &[kind, name]).clone();
    let connection = resource("aws_vpn_connection", "peer");
    // The key of each tunnel is AWS's and lies in Secrets Manager: it is in no file.
    assert_eq!(value(&connection, "preshared_key_storage"), "SecretsManager");
    assert!(connection.attributes().all(|one| !one.key().ends_with("_preshared_key")));
    for tunnel in ["tunnel1", "tunnel2"] {
        assert_eq!(texts(&value(&connection, &format!("{tunnel}_ike_versions"))), ["ikev2"]);
    }
    let takes = |key: &str, word: &str| texts_of(&connection, key).iter().any(|one| one == word);
    let keys = takes("tunnel1_phase1_encryption_algorithms", "AES256")
        && takes("tunnel1_phase1_integrity_algorithms", "SHA2-256")
        && whole_of(&connection, "tunnel1_phase1_dh_group_numbers").contains(&14);
    let groups = whole_of(&connection, "tunnel1_phase2_dh_group_numbers");
    let traffic = [("AES256", "aes256-sha256-group14"), ("AES256-GCM-16", "aes256gcm-group14")];
    let traffic = traffic.into_iter().filter(|(word, _)| {
        takes("tunnel1_phase2_encryption_algorithms", word) && groups.contains(&14)
    });
    let inside = value(&connection, "tunnel1_inside_cidr");
    assert_eq!(inside, "cidrsubnet(\"169.254.${21 + count.index}.0/29\", 1, 0)");
    let variables = read(rendered.file("variables.tf"));
    Half {
        router: whole(&value(&resource("aws_vpn_gateway", "this"), "amazon_side_asn")),
        other_router: whole(&value(&resource("aws_customer_gateway", "peer"), "bgp_asn")),
        addresses: text(&value(block(&variables, "variable", &["vpc_cidr"]), "default")),
        // The first address of a /30 is AWS's own.
        inside: vec![("169.254.21.0/30".into(), 1), ("169.254.22.0/30".into(), 1)],
        proposals: [
            keys.then_some("aes256-sha256-group14").into_iter().collect(),
            traffic.map(|(_, proposal)| proposal).collect(),
        ],
    }
}

fn of_azure(rendered: &Rendered) -> Half {
    let vpn = bicep::parse(rendered.file("modules/vpn.bicep")).unwrap();
    let body = |symbol: &str| {
        let found = vpn.resources.iter().find(|one| one.symbol == symbol);
        found.unwrap_or_else(|| panic!("no {symbol}")).body.get("properties").unwrap()
    };
    let number = |of: &Expr| match of.get("bgpSettings").and_then(|one| one.get("asn")) {
        Some(Expr::Number(one)) => u64::try_from(*one).unwrap(),
        other => panic!("{other:?}"),
    };
    let connection = body("connections");
    assert_eq!(connection.get("connectionProtocol").and_then(Expr::literal).unwrap(), "IKEv2");
    // A key for each tunnel, which is given when it is deployed, and hidden.
    let main = bicep::parse(rendered.file("main.bicep")).unwrap();
    let keys = &main.params["vpnSharedKeys"];
    assert!(keys.decorators.iter().any(|one| one == "secure"));
    assert!(matches!(&keys.default, Some(Expr::Object(all)) if all.is_empty()));
    assert!(matches!(connection.get("sharedKey"), Some(Expr::Index(..))), "one key for both");
    let text = rendered.file("modules/vpn.bicep");
    let said = |words: &[&str]| words.iter().all(|word| text.contains(word));
    let keys = said(&["ikeEncryption: 'AES256'", "ikeIntegrity: 'SHA256'", "'DHGroup14'"]);
    let traffic =
        said(&["ipsecEncryption: 'GCMAES256'", "ipsecIntegrity: 'GCMAES256'", "'PFS2048'"]);
    assert!(said(&["'169.254.${21 + index}.2'", "'169.254.${21 + index}.1'"]));
    let network = bicep::parse(rendered.file("modules/network.bicep")).unwrap();
    Half {
        router: number(body("gateway")),
        other_router: number(body("peers")),
        addresses: network.variables["addressPrefix"].literal().unwrap(),
        inside: vec![("169.254.21.0/30".into(), 2), ("169.254.22.0/30".into(), 2)],
        proposals: [
            keys.then_some("aes256-sha256-group14").into_iter().collect(),
            traffic.then_some("aes256gcm-group14").into_iter().collect(),
        ],
    }
}

fn of_gcp(rendered: &Rendered) -> Half {
    let vpn = read(rendered.file("vpn.tf"));
    let resource = |kind: &str| block(&vpn, "resource", &[kind, "peer"]);
    let tunnel = resource("google_compute_vpn_tunnel");
    assert_eq!(whole(&value(tunnel, "ike_version")), 2);
    assert_eq!(value(tunnel, "shared_secret"), "each.value.shared_secret");
    let variables = read(rendered.file("variables.tf"));
    let secrets = block(&variables, "variable", &["peer_shared_secrets"]);
    assert_eq!(value(secrets, "sensitive"), true);
    assert_eq!(texts(&value(secrets, "default")), Vec::<String>::new());
    let bgp = block(resource("google_compute_router"), "bgp", &[]);
    Half {
        router: whole(&value(bgp, "asn")),
        other_router: whole(&value(resource("google_compute_router_peer"), "peer_asn")),
        addresses: text(&value(block(&variables, "variable", &["network_cidr"]), "default")),
        // `peer_tunnels` says both ends, as the other half has them.
        inside: Vec::new(),
        // What Cloud VPN offers by itself, with others. Source: Cloud VPN, "Supported IKE ciphers".
        proposals: [
            ["aes256-sha256-group14"].into(),
            ["aes256-sha256-group14", "aes256gcm-group14"].into(),
        ],
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts_of(body: &hcl::structure::Body, key: &str) -> Vec<String> {
    texts(&value(body, key))
}

fn whole_of(body: &hcl::structure::Body, key: &str) -> Vec<u64> {
    value(body, key).as_array().unwrap().iter().map(whole).collect()
}

/// Every two clouds, in both orders.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let clouds = REGIONS.map(|(cloud, _)| cloud);
    let all = clouds.into_iter().flat_map(move |one| clouds.map(|other| (one, other)));
    all.filter(|(one, other)| one != other)
}

#[test]
fn the_two_halves_of_a_private_path_fit() {
    for (primary, standby) in pairs() {
        let text = pair(primary, standby);
        let here = half(primary, &Rendered::of(&text, "here"));
        let there = half(standby, &Rendered::of(&text, "there"));
        let what = format!("{primary} and {standby}: {here:#?} {there:#?}");
        assert_eq!((here.router, here.other_router), (there.other_router, there.router), "{what}");
        // Private use, RFC 6996.
        assert!((64_512..=65_534).contains(&here.router) && here.router != there.router, "{what}");
        assert_ne!(network(&here.addresses), network(&there.addresses), "{what}");
        for (ours, theirs) in here.proposals.iter().zip(&there.proposals) {
            assert!(ours.intersection(theirs).next().is_some(), "nothing to agree on: {what}");
        }
        if !here.inside.is_empty() && !there.inside.is_empty() {
            for ((ours, end), (theirs, other_end)) in here.inside.iter().zip(&there.inside) {
                assert_eq!(ours, theirs, "{what}");
                assert_ne!(end, other_end, "{what}");
            }
        }
    }
}

/// The first two numbers of a /16.
fn network(addresses: &str) -> Vec<&str> {
    assert!(addresses.ends_with(".0.0/16"), "{addresses}");
    addresses.split('.').take(2).collect()
}

/// The database of each half lets in the addresses of the other and nobody else's.
#[test]
fn the_database_lets_in_the_other_half() {
    for (primary, standby) in pairs() {
        let text = pair(primary, standby);
        for (cloud, environment) in [(primary, "here"), (standby, "there")] {
            let rendered = Rendered::of(&text, environment);
            let other = rendered.deployment.pair.as_ref().unwrap().other_addresses;
            let place = match cloud {
                "aws" => "security_groups.tf",
                "azure" => "modules/network.bicep",
                // Cloud SQL is in a network of Google's own: what is told the other side is the way.
                _ => continue,
            };
            assert!(rendered.file(place).contains(other), "{cloud}: {other}");
        }
    }
}

/// What one half asks for by a variable is an output of the other, of the same shape.
#[test]
fn what_one_half_asks_for_the_other_gives() {
    for (primary, standby) in pairs() {
        let text = pair(primary, standby);
        let halves = [(primary, "here", standby, "there"), (standby, "there", primary, "here")];
        for (cloud, environment, other, its) in halves {
            let (ours, theirs) = (Rendered::of(&text, environment), Rendered::of(&text, its));
            let gives = |output: &str| match other {
                "azure" => {
                    bicep::parse(theirs.file("main.bicep")).unwrap().outputs.contains_key(output)
                }
                _ => find(&read(theirs.file("outputs.tf")), "output", &[output]).is_some(),
            };
            let addresses = match other {
                "aws" => "vpn_tunnels",
                "azure" => "vpnAddresses",
                _ => "vpn_addresses",
            };
            assert!(gives(addresses), "{other} gives no {addresses}");
            assert!(other != "aws" || gives("vpn_keys"));
            if (cloud, other) == ("gcp", "aws") {
                let asks = ours.file("variables.tf");
                for key in ["address", "inside_address", "peer_inside_address"] {
                    assert!(asks.contains(&format!("{key} ")), "{asks}");
                    assert!(theirs.file("outputs.tf").contains(&format!("{key} ")), "{key}");
                }
            }
        }
    }
}

/// Nothing sends users to the other environment before its database has been promoted, but on AWS,
/// where a health check does; the others say why not.
#[test]
fn who_switches_users_is_said() {
    let text = pair("aws", "gcp");
    let aws = read(Rendered::of(&text, "here").file("dns.tf"));
    assert!(find(&aws, "resource", &["aws_route53_health_check", "this"]).is_some());
    let standby = block(&aws, "resource", &["aws_route53_record", "standby"]);
    assert_eq!(value(block(standby, "failover_routing_policy", &[]), "type"), "SECONDARY");
    for (cloud, words) in
        [("azure", "there is no\nTraffic Manager"), ("gcp", "no routing policy in Cloud DNS")]
    {
        let rendered = Rendered::of(&pair(cloud, "aws"), "here");
        assert!(rendered.file("README.md").contains(words), "{cloud}");
    }
}
