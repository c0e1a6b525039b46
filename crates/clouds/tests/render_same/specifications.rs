//! Specifications that every cloud can be.

const ENVIRONMENTS: &str = "environments:\n  aws: {cloud: aws, region: us-east-1}\n  \
                            azure: {cloud: azure, region: eastus}\n  gcp: {cloud: gcp, region: us-central1}\n";

/// The application, and what else there is.
const KEYS: [(&str, &str); 6] = [
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\"}\n",
        "scale: {min: 0, max: 3}\nchat: {endpoint: \"https://llm.example.com/v1\", key: llm, model: {aws: m, azure: m, gcp: m}}\n",
    ),
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\", command: [node, server.js, \"--name=${x} %{y}\"], port: 3000}\n",
        "size: {cpu: 2, memory: 4Gi}\nscale: {min: 1, max: 40, concurrency: 7}\nworkload: {request_time: 250ms}\n",
    ),
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\", health: {path: /a, ready: /b, interval: 20s, timeout: 19s, start_time: 2m}, drain: 90s}\n",
        "size: {cpu: 4, memory: 8Gi}\nprofile: resilient\ndomain: shop.example.com\n",
    ),
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\", log_level: debug, variables: {ONE: \"1\", TWO: \"a \\\"b\\\"\"}, secrets: {FIRST: one, SECOND: two, AGAIN: one}}\n",
        "jobs: {nightly: {schedule: 0 3 * * *, command: [node, clean.js], timeout: 10m}, often: {schedule: \"*/5 * * * *\", command: [sync], timeout: 4m, interruptible: true}}\n",
    ),
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\", setup: [node, migrate.js], command: [node]}\n",
        "database:\nbuckets: {documents: }\nsessions: {ttl: 1h}\n",
    ),
    (
        "application: {image: \"ghcr.io/acme/shop:1.4.2\", variables: {CHAT_MODEL: mine, CHAT_TIMEOUT_MS: \"5\"}, secrets: {CHAT_API_VERSION: version}}\n",
        "chat: {timeout: 45s, model: {aws: a.b-v1:0, azure: gpt-4o, gcp: gemini-2.5-flash}}\n",
    ),
];

/// MedAssistant first, then everything at once, then some for one key or another.
pub(crate) fn all() -> Vec<String> {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    let example = |name: &&str| std::fs::read_to_string(examples.join(name)).unwrap();
    let mut all: Vec<_> =
        ["medassistant.yaml", "everything.yaml", "tiny.yaml"].iter().map(example).collect();
    all.extend(
        KEYS.iter()
            .map(|(application, more)| format!("name: shop\n{application}{more}{ENVIRONMENTS}")),
    );
    all
}
