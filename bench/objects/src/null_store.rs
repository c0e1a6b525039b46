//! A store that speaks S3's language and does next to nothing: what it is sent it hashes and
//! forgets, and what it serves comes from one buffer in memory. Real stand-ins cost more processor
//! time than a good client and would hide it. It checks no signature: only for measuring.
//!
//! `null-store --listen 127.0.0.1:0 [--seed COUNTxBYTES]`; the address is the first line printed.

mod dialect;
mod shelf;

use std::io::Write;
use std::sync::Arc;

use clap::Parser;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use shelf::Shelf;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// Objects that are there from the beginning, such as `10000x4096`.
    #[arg(long)]
    seed: Option<String>,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    // One thread: its processor time is what one core can bear.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map(|runtime| runtime.block_on(serve(&arguments)));
    if let Ok(Err(error)) | Err(error) = served {
        // Nothing is left to do when standard error is closed.
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
    std::process::ExitCode::FAILURE
}

async fn serve(arguments: &Arguments) -> std::io::Result<()> {
    let shelf = Arc::new(Shelf::new(arguments.seed.as_deref()).map_err(std::io::Error::other)?);
    let listener = TcpListener::bind(&arguments.listen).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shelf = shelf.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| dialect::answer(shelf.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer);
            // A client that hangs up is no concern of the others.
            let _ = connection.await;
        });
    }
}
