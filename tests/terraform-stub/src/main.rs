//! A Terraform provider for tests: it speaks plugin protocol 5, has the schema of a real provider
//! (`schemas/*.json`), and keeps what it "makes" in Terraform's state file alone.
//!
//! `terraform init`, `validate`, `plan`, `apply`, a second `plan` and `destroy` so run without a
//! network, a provider's download or an account, and notice every argument, block, type and
//! reference that the real schema does not have.
//!
//! Usage: `terraform-stub SCHEMA.json`, started by Terraform.

mod messages;
mod provider;
mod schema;
mod server;
mod values;

use std::error::Error;
use std::path::PathBuf;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: terraform-stub SCHEMA.json")?;
    let schema = schema::Provider::read(&PathBuf::from(file))?;
    server::serve(provider::Stub::new(schema)).await
}
