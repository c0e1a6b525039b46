//! A publisher's changes, over a connection of the replication protocol.

use std::time::Duration;

use pg_walstream::{
    CancellationToken, LogicalReplicationMessage, LogicalReplicationParser,
    PgReplicationConnection, ReplicationError, parse_keepalive_message,
};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::types::PgLsn;

use crate::movers::postgres::connect::Server;
use crate::movers::postgres::sql::{quote_conninfo, quote_ident};
use crate::{Error, Result};

/// Texts of values must be those that the subscriber's session reads.
const SETTINGS: [&str; 6] = [
    "SET datestyle = 'ISO'",
    "SET intervalstyle = 'postgres'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
    "SET lc_monetary = 'C'",
    "SET search_path = pg_catalog",
];
/// The bytes of a message before what the publisher's plugin wrote: its kind, two positions, a
/// time.
const HEADER_BYTES: usize = 25;
/// The version of the plugin's protocol in which transactions come whole, at their commit.
const PROTOCOL: u32 = 1;

/// What the publisher sends.
pub(super) enum News {
    /// A part of a transaction.
    Change(Box<LogicalReplicationMessage>),
    /// Everything before this position has been sent.
    Sent(PgLsn),
}

/// The changes of one publication, from a slot of the same name.
pub(super) struct Feed {
    connection: PgReplicationConnection,
    parser: LogicalReplicationParser,
    publisher: String,
    received: PgLsn,
}

/// Proves that changes could be read: by a login.
pub async fn prove(publisher: &Server) -> Result<()> {
    let mut connection = open(publisher)?;
    let told = connection.identify_system().map_err(|error| lost(&publisher.name, error))?;
    match told.is_ok() {
        true => Ok(()),
        false => Err(Error::refused("path_closed", told.error_message().unwrap_or_default())),
    }
}

/// A slot that was just made, and a snapshot of what was committed before it begins.
pub(in crate::movers::postgres) struct NewSlot {
    /// The name of the snapshot, which is there as long as this value is and no longer.
    pub(in crate::movers::postgres) snapshot: String,
    _connection: PgReplicationConnection,
}

/// Makes a stream's slot. Waits until transactions end that were open before, so it has a thread
/// of its own.
pub(in crate::movers::postgres) async fn make_slot(
    publisher: &Server,
    stream: &str,
) -> Result<NewSlot> {
    let (conninfo, name) = (conninfo(publisher), publisher.name.clone());
    let sql = format!(
        "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export')",
        quote_ident(stream)
    );
    let made = tokio::task::spawn_blocking(move || {
        let mut connection = PgReplicationConnection::connect(conninfo.expose_secret())?;
        // The snapshot is an open transaction to the server, and idle while it is copied.
        connection.exec("SET idle_in_transaction_session_timeout = 0")?;
        let slot = connection.exec(&sql)?;
        Ok::<_, ReplicationError>((slot.get_value(0, 2), connection))
    });
    let made =
        made.await.map_err(|error| Error::failed("stream_lost", "no slot").because(error))?;
    let (snapshot, connection) = made.map_err(|error| lost(&name, error))?;
    let snapshot = snapshot.ok_or_else(|| {
        Error::failed("stream_lost", format!("{name} made a slot without a snapshot"))
    })?;
    Ok(NewSlot { snapshot, _connection: connection })
}

/// The driver opens the connection in this thread, which the runtime is told of.
fn open(publisher: &Server) -> Result<PgReplicationConnection> {
    PgReplicationConnection::connect(conninfo(publisher).expose_secret()).map_err(|error| {
        let address = &publisher.address;
        let place = format!("{}:{}", address.host(), address.port());
        Error::refused(
            "path_closed",
            format!("cannot read changes of {} at {place}", publisher.name),
        )
        .hint("pg_hba.conf must let our role in to the database by name")
        .because(error)
        .retryable()
    })
}

fn conninfo(publisher: &Server) -> SecretString {
    let address = &publisher.address;
    let mut text = format!(
        "host={} port={} user={} dbname={} replication=database sslmode={} connect_timeout=10 \
         keepalives_idle=10 tcp_user_timeout=30000",
        quote_conninfo(&address.host()),
        address.port(),
        quote_conninfo(address.user().unwrap_or_default()),
        quote_conninfo(&publisher.admin.database),
        address.sslmode(),
    );
    if let Some(roots) = address.roots() {
        text.push_str(&format!(" sslrootcert={}", quote_conninfo(&roots.display().to_string())));
    }
    if let Some(password) = address.password() {
        text.push_str(&format!(" password={}", quote_conninfo(password.expose_secret())));
    }
    SecretString::from(text)
}

impl Feed {
    /// Begins behind a position; what the slot has been told is behind it is not sent again.
    pub(super) fn open(publisher: &Server, stream: &str, position: PgLsn) -> Result<Feed> {
        let mut connection = open(publisher)?;
        for setting in SETTINGS {
            connection.exec(setting).map_err(|error| lost(&publisher.name, error))?;
        }
        let version = PROTOCOL.to_string();
        let publications = quote_ident(stream);
        let options = [("proto_version", version.as_str()), ("publication_names", &publications)];
        connection
            .start_replication(stream, position.into(), &options)
            .map_err(|error| lost(&publisher.name, error))?;
        Ok(Feed {
            connection,
            parser: LogicalReplicationParser::with_protocol_version(PROTOCOL),
            publisher: publisher.name.clone(),
            received: position,
        })
    }

    /// What comes next; `None` when nothing comes for `wait`.
    pub(super) async fn next(&mut self, wait: Duration) -> Result<Option<News>> {
        let patience = CancellationToken::new();
        let mut read = std::pin::pin!(self.connection.get_copy_data_async(&patience));
        let read = tokio::select! {
            biased;
            read = &mut read => read,
            () = tokio::time::sleep(wait) => {
                // Not dropped: the driver says that only this loses nothing.
                patience.cancel();
                read.await
            }
        };
        let data = match read {
            Err(error) if error.is_cancelled() => return Ok(None),
            read => read.map_err(|error| lost(&self.publisher, error))?,
        };
        match data.first() {
            Some(b'w') if data.len() > HEADER_BYTES => {
                let message = self.parser.parse_wal_message_bytes(data.slice(HEADER_BYTES..));
                let message = message.map_err(|error| lost(&self.publisher, error))?;
                Ok(Some(News::Change(Box::new(message.message))))
            }
            Some(b'k') => {
                let sent = parse_keepalive_message(&data);
                let sent = sent.map_err(|error| lost(&self.publisher, error))?;
                self.received = self.received.max(sent.wal_end.into());
                Ok(Some(News::Sent(sent.wal_end.into())))
            }
            _ => Ok(None),
        }
    }

    /// Tells the publisher that everything before a position is on the subscriber's disk.
    pub(super) async fn confirm(&mut self, position: PgLsn) -> Result<()> {
        self.received = self.received.max(position);
        let (received, written) = (self.received.into(), position.into());
        self.connection
            .send_standby_status_update(received, written, written, false)
            .await
            .map_err(|error| lost(&self.publisher, error))
    }
}

fn lost(publisher: &str, error: ReplicationError) -> Error {
    let why = format!("changes of {publisher} cannot be read");
    Error::failed("stream_lost", why).because(error).retryable()
}
