//! The faults of the chapter's own snippets, one row each: ours do not have them.

use crate::Rendered;

/// What shows that a fault is not ours.
enum Shown {
    /// The file says this.
    Says(&'static str, &'static str),
    /// No file whose name ends so says this.
    Lacks(&'static str, &'static str),
}

use Shown::{Lacks, Says};

/// The chapter's file, its fault, the cloud of ours, and what shows that it is not ours.
const FAULTS: [(&str, &str, &str, Shown); 56] = [
    ("aws/main.tf", "the vpc module has no version", "aws", Lacks(".tf", "\nmodule \"")),
    (
        "aws/main.tf",
        "var.aws_region is declared nowhere",
        "aws",
        Says("variables.tf", "variable \"region\" {"),
    ),
    ("aws/main.tf", "var.environment is declared nowhere", "aws", Lacks(".tf", "var.environment")),
    ("aws/main.tf", "var.db_username is declared nowhere", "aws", Lacks(".tf", "var.db_username")),
    (
        "aws/main.tf",
        "var.db_password is declared nowhere, and would stand in the state",
        "aws",
        Says("database.tf", "manage_master_user_password = true"),
    ),
    (
        "aws/main.tf",
        "aws_security_group.alb is declared nowhere",
        "aws",
        Says("security_groups.tf", "resource \"aws_security_group\" \"load_balancer\" {"),
    ),
    (
        "aws/main.tf",
        "aws_security_group.rds is declared nowhere",
        "aws",
        Says("security_groups.tf", "resource \"aws_security_group\" \"database\" {"),
    ),
    (
        "aws/main.tf",
        "aws_db_subnet_group.main is declared nowhere",
        "aws",
        Says("database.tf", "resource \"aws_db_subnet_group\" \"this\" {"),
    ),
    (
        "aws/codepipeline.yml",
        "artifacts.files is a text and must be a list",
        "aws",
        Says("buildspec.yml", "files: - imagedefinitions.json"),
    ),
    (
        "aws/codepipeline.yml",
        "$AWS_ACCOUNT_ID is set nowhere",
        "aws",
        Lacks("buildspec.yml", "AWS_ACCOUNT_ID"),
    ),
    (
        "aws/codepipeline.yml",
        "$IMAGE_REPO_NAME is set nowhere",
        "aws",
        Says("pipeline.tf", "name = \"REPOSITORY_URL\""),
    ),
    (
        "aws/codepipeline.yml",
        "$IMAGE_TAG is set nowhere",
        "aws",
        Says("buildspec.yml", "\"$REPOSITORY_URL:$CODEBUILD_RESOLVED_SOURCE_VERSION\""),
    ),
    (
        "aws/codepipeline.yml",
        "it pushes after a build that failed",
        "aws",
        Says("buildspec.yml", "test \"$CODEBUILD_BUILD_SUCCEEDING\" = 1"),
    ),
    (
        "aws/task-definition.json",
        "the roles are of an account called ACCOUNT",
        "aws",
        Says("task-definition.json", "\"executionRoleArn\": \"${execution_role_arn}\""),
    ),
    (
        "aws/task-definition.json",
        "the image is of an account called YOUR_ACCOUNT",
        "aws",
        Says("task-definition.json", "\"image\": \"${image}\""),
    ),
    (
        "aws/task-definition.json",
        "the image is :latest",
        "aws",
        Lacks("task-definition.json", ":latest"),
    ),
    (
        "aws/task-definition.json",
        "the secret is of an account called ACCOUNT",
        "aws",
        Says("task-definition.json", "\"valueFrom\": \"${database_secret_arn}"),
    ),
    (
        "aws/task-definition.json",
        "it does not say on which processor it runs",
        "aws",
        Says("task-definition.json", "\"runtimePlatform\""),
    ),
    (
        "aws/task-definition.json",
        "the root can be written to",
        "aws",
        Says("task-definition.json", "\"readonlyRootFilesystem\": true"),
    ),
    (
        "aws/task-definition.json",
        "it runs as root",
        "aws",
        Says("task-definition.json", "\"user\": \"10001:10001\""),
    ),
    (
        "aws/task-definition.json",
        "its health check wants curl in the image",
        "aws",
        Lacks("task-definition.json", "curl"),
    ),
    (
        "aws/task-definition.json",
        "it has no time to start",
        "aws",
        Says("service.tf", "health_check_grace_period_seconds = 60"),
    ),
    (
        "aws/task-definition.json",
        "nobody reaps processes, and it has no time to stop",
        "aws",
        Says("task-definition.json", "\"initProcessEnabled\": true"),
    ),
    (
        "aws/task-definition.json",
        "the log group is never made",
        "aws",
        Says("service.tf", "resource \"aws_cloudwatch_log_group\" \"service\" {"),
    ),
    (
        "azure/container-app.yml",
        "apiVersion is no key of it",
        "azure",
        Lacks("container-app.yaml", "apiVersion:"),
    ),
    (
        "azure/container-app.yml",
        "kind is no key of it",
        "azure",
        Lacks("container-app.yaml", "kind:"),
    ),
    (
        "azure/container-app.yml",
        "metadata is no key of it",
        "azure",
        Lacks("container-app.yaml", "\nmetadata:"),
    ),
    (
        "azure/container-app.yml",
        "properties.resourceGroup is no key of it",
        "azure",
        Lacks("container-app.yaml", "resourceGroup:"),
    ),
    (
        "azure/container-app.yml",
        "the address of the database, with its password, stands in it",
        "azure",
        Says("container-app.yaml", "keyVaultUrl: \"${VAULT_URI}secrets/database\""),
    ),
    (
        "azure/container-app.yml",
        "the key of the language model stands in it",
        "azure",
        Lacks("container-app.yaml", "openai-api-key"),
    ),
    (
        "azure/container-app.yml",
        "a secret is declared and used nowhere",
        "azure",
        Says("container-app.yaml", "secretRef: \"api-key\""),
    ),
    (
        "azure/container-app.yml",
        "it has no identity",
        "azure",
        Says("container-app.yaml", "type: UserAssigned"),
    ),
    (
        "azure/container-app.yml",
        "its image is in a registry that it cannot sign in to",
        "azure",
        Says("container-app.yaml", "registries: - server:"),
    ),
    (
        "azure/container-app.yml",
        "the image is :latest",
        "azure",
        Lacks("container-app.yaml", ":latest"),
    ),
    (
        "azure/container-app.yml",
        "one path answers for life and for readiness",
        "azure",
        Says("container-app.yaml", "path: \"/ready\""),
    ),
    (
        "azure/container-app.yml",
        "it has no time to start",
        "azure",
        Says("container-app.yaml", "type: Startup"),
    ),
    (
        "azure/main.bicep",
        "a parameter is used nowhere",
        "azure",
        Lacks("main.bicep", "param environment string"),
    ),
    (
        "azure/main.bicep",
        "the password of the database stands in it",
        "azure",
        Says("main.bicep", "@secure() param databasePassword string"),
    ),
    ("azure/main.bicep", "the location is written down", "azure", Lacks(".bicep", "'East US'")),
    (
        "azure/main.bicep",
        "the registry is of a preview version",
        "azure",
        Lacks("modules/registry.bicep", "registries@2023-07-01-preview"),
    ),
    (
        "gcp/service.yaml",
        "it asks for a readiness probe, which its schema does not have",
        "gcp",
        Lacks("service.yaml", "readinessProbe"),
    ),
    (
        "gcp/service.yaml",
        "an annotation for memory, which does not exist",
        "gcp",
        Lacks("service.yaml", "run.googleapis.com/memory"),
    ),
    (
        "gcp/service.yaml",
        "an annotation for processors, which does not exist",
        "gcp",
        Lacks("service.yaml", "run.googleapis.com/cpu:"),
    ),
    (
        "gcp/service.yaml",
        "the execution environment is chosen for the service, not for the revision",
        "gcp",
        Says(
            "service.yaml",
            "template: metadata: annotations: autoscaling.knative.dev/maxScale: \"10\" run.googleapis.com/execution-environment: gen2",
        ),
    ),
    ("gcp/service.yaml", "the image is :latest", "gcp", Lacks("service.yaml", ":latest")),
    (
        "gcp/service.yaml",
        "the image is in gcr.io, which is closed",
        "gcp",
        Lacks("service.yaml", "gcr.io"),
    ),
    (
        "gcp/service.yaml",
        "it names a project called PROJECT_ID",
        "gcp",
        Lacks("service.yaml", "PROJECT_ID"),
    ),
    ("gcp/service.yaml", "it has no startup probe", "gcp", Says("service.yaml", "startupProbe:")),
    (
        "gcp/main.tf",
        "var.project_id is declared nowhere",
        "gcp",
        Says("variables.tf", "variable \"project_id\" {"),
    ),
    (
        "gcp/main.tf",
        "var.region is declared nowhere",
        "gcp",
        Says("variables.tf", "variable \"region\" {"),
    ),
    ("gcp/main.tf", "var.db_user is declared nowhere", "gcp", Lacks(".tf", "var.db_user")),
    (
        "gcp/main.tf",
        "var.db_password is declared nowhere, and would stand in the state",
        "gcp",
        Says("database.tf", "password_wo"),
    ),
    (
        "gcp/main.tf",
        "replication is automatic = true, which the provider refuses",
        "gcp",
        Lacks("secrets.tf", "automatic = true"),
    ),
    (
        "gcp/main.tf",
        "the image is :latest",
        "gcp",
        Says("variables.tf", "!can(regex(\":latest$\", var.image))"),
    ),
    ("gcp/main.tf", "the image is in gcr.io, which is closed", "gcp", Lacks(".tf", "gcr.io")),
    (
        "gcp/main.tf",
        "the database's connection name stands where a host belongs",
        "gcp",
        Says("database.tf", "google_sql_database_instance.main.private_ip_address"),
    ),
];

/// How many faults each of the chapter's files has.
const COUNTS: [(&str, usize); 7] = [
    ("aws/main.tf", 8),
    ("aws/codepipeline.yml", 5),
    ("aws/task-definition.json", 11),
    ("azure/container-app.yml", 12),
    ("azure/main.bicep", 4),
    ("gcp/service.yaml", 8),
    ("gcp/main.tf", 8),
];

/// The words of a text, one space apart; a line that must begin with them keeps its beginning.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(contents: &str, text: &str) -> bool {
    if text.starts_with('\n') {
        contents.contains(text)
    } else {
        words(contents).contains(&words(text))
    }
}

#[test]
fn none_of_the_chapters_faults_is_ours() {
    let example = include_str!("../../../../examples/rendered/medassistant.yaml");
    let ours = ["aws", "azure", "gcp"].map(|cloud| (cloud, Rendered::of(example, cloud)));
    let mut found = Vec::new();
    for (theirs, fault, cloud, shown) in &FAULTS {
        let (_, rendered) = ours.iter().find(|(name, _)| name == cloud).unwrap();
        let is_ours = match shown {
            Says(file, text) => !says(rendered.file(file), text),
            Lacks(ending, text) => {
                let files = rendered.files.iter().filter(|(path, _)| path.ends_with(ending));
                let all: Vec<_> = files.collect();
                assert!(!all.is_empty(), "no {ending}");
                all.iter().any(|(_, contents)| says(contents, text))
            }
        };
        if is_ours {
            found.push(format!("{theirs}: {fault}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn all_of_the_chapters_faults_are_counted() {
    for (file, count) in COUNTS {
        assert_eq!(FAULTS.iter().filter(|(of, ..)| *of == file).count(), count, "{file}");
    }
    assert_eq!(COUNTS.iter().map(|(_, count)| count).sum::<usize>(), FAULTS.len());
}
