//! TLS between the tool and the servers, and between the servers: over an address of this machine
//! that is not its own alone, with certificates of a test's own authority.

use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::conformance::skipped;
use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::plan::Action;
use trefoil_ops::movers::postgres::{Pair, Server, client, preflight};

use crate::bench::{Bench, admin, begin, site};
use crate::shop;

/// An address that other machines could reach, if this machine has one.
fn address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: the kernel only chooses the address from which it would be.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// An authority, and the folder with its certificate.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Of one name with its own certificates it would be taken for them.
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), folder }
    }

    fn roots(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Gives a server a certificate of this name, and lets it be reached over TLS only.
    async fn certify(&self, server: &TestPostgres, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let data = server.data_dir();
        give(&data, "server.crt", &certificate.pem());
        give(&data, "server.key", &key.serialize_pem());
        let hba = std::fs::read_to_string(data.join("pg_hba.conf")).unwrap();
        let all = "\nhostssl all all 0.0.0.0/0 scram-sha-256\nhostssl all all ::/0 scram-sha-256\n";
        give(&data, "pg_hba.conf", &(hba + all));
        server.execute("postgres", "ALTER SYSTEM SET ssl = on").await;
        server.execute("postgres", "SELECT pg_reload_conf()").await;
    }
}

/// Writes a file that belongs to the account of the server.
fn give(data: &Path, name: &str, text: &str) {
    let (file, owner) = (data.join(name), std::fs::metadata(data).unwrap());
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// The administrator's way over the network.
fn over_network(server: &TestPostgres, address: IpAddr, query: &str) -> DatabaseAdmin {
    let url = server.url("app").replace("127.0.0.1", &address.to_string());
    let url = SecretString::from(format!("{url}?{query}"));
    DatabaseAdmin { url, host: address.to_string(), ..admin(server) }
}

async fn code_of(server: &TestPostgres, address: IpAddr, query: &str) -> String {
    let refused = Server::connect("east", &over_network(server, address, query)).await;
    refused.err().map_or("connected".to_owned(), |error| {
        assert!(!error.chain().contains(&server.password), "{}", error.chain());
        error.code().to_owned()
    })
}

async fn settled(server: &TestPostgres, address: IpAddr, query: &str) {
    for _ in 0..100 {
        if code_of(server, address, query).await == "connected" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{}", code_of(server, address, query).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_flow_over_tls_and_wrong_certificates_are_refused() {
    let Some(address) = address() else {
        skipped("TLS between servers: this machine has only its loopback address");
        return;
    };
    let mut bench = Bench::listening("*").await;
    assert_eq!(code_of(&bench.east, address, "sslmode=verify-full").await, "postgres_tls");
    let (authority, stranger) = (Authority::new(), Authority::new());
    let roots = format!("sslrootcert={}", authority.roots().display());
    for server in [&bench.east, &bench.west] {
        authority.certify(server, &address.to_string()).await;
        settled(server, address, &roots).await;
    }
    let strange = format!("sslrootcert={}", stranger.roots().display());
    assert_eq!(code_of(&bench.east, address, &strange).await, "postgres_tls");
    assert_eq!(code_of(&bench.east, address, "sslmode=prefer").await, "postgres_url");

    for name in ["east", "west"] {
        let admin = over_network(bench.server(name), address, &roots);
        bench.world.sites.insert(name.into(), site(name, admin));
    }
    shop::make(&bench, "east").await;
    let pair = pair(&bench).await;
    let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
    preflight::require_none(&findings).unwrap();
    let ways: Vec<_> = findings.iter().filter(|found| found.code == "way_open").collect();
    assert_eq!(ways.len(), 2, "{findings:#?}");
    assert!(ways.iter().all(|way| way.message.contains("verify-full")), "{ways:#?}");
    assert_eq!(findings.iter().filter(|found| found.code == "tls").count(), 2);
    client::prove(&pair.source).await.unwrap();

    let mut run = begin(bench.plan_move("east", "west", 2, "tls"));
    let armed = |action: &Action| matches!(action, Action::ArmReturn(_));
    bench.perform(&mut run, 1, armed).await.unwrap();
    let sql = "SELECT count(*) FILTER (WHERE s.ssl), count(*) FROM pg_stat_ssl s
               JOIN pg_stat_replication r USING (pid)";
    let row = pair.source.one("look", sql, &[]).await.unwrap();
    let (safe, all): (i64, i64) = (row.get(0), row.get(1));
    assert!(safe > 0 && safe == all, "{safe} of {all} streams over TLS");
    let sql = "SELECT subconninfo FROM pg_subscription";
    let conninfo = pair.target.texts("look", sql, &[]).await.unwrap().join("");
    assert!(conninfo.contains("sslmode=verify-full sslrootcert="), "{conninfo}");
    bench.undo(&mut run, 1).await.unwrap();
    a_server_without_roots_is_named(&bench, address, &authority).await;
    a_wrong_name_is_refused(&bench, address, &authority).await;
}

async fn pair(bench: &Bench) -> Pair {
    let source = Server::of_site(bench.world.site("east").unwrap()).await.unwrap();
    let target = Server::of_site(bench.world.site("west").unwrap()).await.unwrap();
    Pair { source, target }
}

/// A file of roots that only the tool can read does not help the other server.
async fn a_server_without_roots_is_named(bench: &Bench, address: IpAddr, authority: &Authority) {
    let private = authority.folder.path().join("private.pem");
    std::fs::copy(authority.roots(), &private).unwrap();
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o600)).unwrap();
    let query = format!("sslrootcert={}", private.display());
    let source = over_network(&bench.east, address, &query);
    let source = Server::connect("east", &source).await.unwrap();
    let target =
        Server::connect("west", &over_network(&bench.west, address, &query)).await.unwrap();
    let findings = preflight::of_move(&source, Some(&target), None).await.unwrap();
    let readable = nix::unistd::Uid::effective().is_root();
    let named = findings.iter().any(|found| found.code == "way_unchecked");
    assert_eq!(named, readable, "{findings:#?}");
}

async fn a_wrong_name_is_refused(bench: &Bench, address: IpAddr, authority: &Authority) {
    authority.certify(&bench.east, "elsewhere.example").await;
    let roots = format!("sslrootcert={}", authority.roots().display());
    for _ in 0..100 {
        if code_of(&bench.east, address, &roots).await == "postgres_tls" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(code_of(&bench.east, address, &roots).await, "postgres_tls");
    let lax = format!("{roots}&sslmode=verify-ca");
    assert_eq!(code_of(&bench.east, address, &lax).await, "connected");
}
