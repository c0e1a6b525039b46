//! The `trefoil` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    trefoil_cli::main(std::env::args_os().collect())
}
