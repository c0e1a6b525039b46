//! What can be written behind `trefoil cost` and `trefoil prices`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rust_decimal::{Decimal, dec};
use trefoil_core::cost::curve::MOST_POINTS;

use super::allowed::{number, quantity, whole};

/// `trefoil cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// What to ask; what each cloud costs when left out
    #[command(subcommand)]
    pub command: Option<CostCommand>,
    /// What is priced, and how.
    #[command(flatten)]
    pub choice: Choice,
    /// What the rows of the table are
    #[arg(long, value_enum, default_value_t = By::Category)]
    pub by: By,
    /// Print the lines as CSV
    #[arg(long, conflicts_with_all = ["by", "diff"])]
    pub csv: bool,
    /// Write one page with tables and charts to this file; it opens without a network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print what changed since this specification, as Markdown
    #[arg(long, value_name = "OLD.yaml")]
    pub diff: Option<PathBuf>,
}

/// What is priced, and how.
#[derive(Debug, Clone, Args)]
pub struct Choice {
    /// Price only this cloud; may be given several times
    #[arg(long, global = true, value_name = "CLOUD")]
    pub cloud: Vec<String>,
    /// The region: of the one cloud, or CLOUD=REGION
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Vec<String>,
    /// Leave out what the providers give away
    #[arg(long, global = true)]
    pub no_free_tier: bool,
    /// Commit to compute and database for this long: savings plans, reservations, committed use
    #[arg(long, global = true, value_enum, value_name = "TIME")]
    pub commit: Option<Commit>,
    /// The processor that containers run on
    #[arg(long, global = true, value_enum, value_name = "PROCESSOR")]
    pub arch: Option<Arch>,
    /// What stands around the application
    #[arg(long, global = true, value_enum, value_name = "SETUP", default_value_t = Setup::Rendered)]
    pub setup: Setup,
    /// How containers reach what is outside
    #[arg(long, global = true, value_enum, value_name = "WAY")]
    pub network: Option<Way>,
    /// Run containers where the provider may take them away
    #[arg(long, global = true)]
    pub spot: bool,
    /// A price catalogue to use instead of the refreshed or built-in one
    #[arg(long, global = true, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

/// The rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// One row for each category.
    Category,
    /// One row for each line of the bill.
    Line,
}

/// How long compute is committed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Commit {
    /// One year.
    #[value(name = "1y")]
    OneYear,
    /// Three years.
    #[value(name = "3y")]
    ThreeYears,
}

/// The processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// x86-64.
    X86,
    /// 64-bit ARM.
    Arm,
}

/// What stands around the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Setup {
    /// What `trefoil render` sets up: a private network, alarms, logs, keys, and what the profile adds.
    Rendered,
    /// Nothing: the application and its services alone, through addresses of their own.
    Bare,
}

/// How containers reach what is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// As `trefoil render` sets it up: nothing reaches in, the cloud's own services are inside.
    Private,
    /// Through addresses of their own.
    Public,
    /// Through NAT gateways.
    Nat,
    /// Through private endpoints, to the cloud's own services alone.
    Endpoints,
}

/// What can be asked about costs.
#[derive(Debug, Subcommand)]
pub enum CostCommand {
    /// How the total changes with one input, and where one cloud becomes cheaper
    Curve(CurveArgs),
    /// What moving from one cloud to another costs, and when it has paid for itself
    Move(MoveArgs),
    /// What surviving the loss of a cloud costs, level by level
    Resilience(ResilienceArgs),
    /// What would cost less without breaking the specification
    Advise,
}

/// `trefoil cost curve`.
#[derive(Debug, Args)]
pub struct CurveArgs {
    /// The input that varies
    #[arg(long, value_enum)]
    pub vary: Varied,
    /// The first value [default: a tenth of the specification's]
    #[arg(long, value_parser = quantity)]
    pub from: Option<Decimal>,
    /// The last value [default: ten times the specification's]
    #[arg(long, value_parser = quantity)]
    pub to: Option<Decimal>,
    /// How many points
    #[arg(long, default_value_t = 200, value_parser = whole(2..=MOST_POINTS))]
    pub points: u32,
    /// Draw the curve into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// The input that varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Varied {
    /// Requests a second.
    Requests,
    /// Users; requests, tokens, data and transfer grow with them.
    Users,
    /// Objects kept, in GB.
    Storage,
    /// What users download, in GB a month.
    Egress,
    /// Tokens a month.
    Tokens,
}

/// `trefoil cost move`.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The cloud, or the environment, that is left
    #[arg(long)]
    pub from: String,
    /// The cloud, or the environment, that is entered
    #[arg(long)]
    pub to: String,
    /// For how many days both run
    #[arg(long, default_value = "2", value_name = "DAYS", value_parser = quantity)]
    pub double_days: Decimal,
    /// Hours of work
    #[arg(long, default_value = "16", value_parser = quantity)]
    pub hours: Decimal,
    /// US dollars for an hour of work
    #[arg(long, default_value = "80", value_name = "USD", value_parser = quantity)]
    pub hour_usd: Decimal,
    /// The mean size of an object, in MB
    #[arg(long, default_value = "1", value_name = "MB",
          value_parser = number(dec!(0.001)..=dec!(5000000)))]
    pub object_mb: Decimal,
}

/// `trefoil cost resilience`.
#[derive(Debug, Args)]
pub struct ResilienceArgs {
    /// The cloud, or the environment, that serves [default: the specification's, or the cheapest]
    #[arg(long)]
    pub primary: Option<String>,
    /// The cloud, or the environment, that stands by [default: the specification's, or the second
    /// cheapest]
    #[arg(long)]
    pub standby: Option<String>,
    /// How much of the data changes in a month, in GB [default: a tenth of it]
    #[arg(long, value_name = "GB", value_parser = quantity)]
    pub change_gb: Option<Decimal>,
    /// How many hours lie between two backups
    #[arg(long, default_value = "24", value_name = "HOURS",
          value_parser = number(dec!(0.1)..=dec!(8760)))]
    pub backup_hours: Decimal,
    /// How fast a backup is restored, in MB a second
    #[arg(long, default_value = "50", value_name = "MB",
          value_parser = number(dec!(1)..=dec!(1000000)))]
    pub restore_mb_per_s: Decimal,
}

/// `trefoil prices`.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// List the prices
    List(PricesListArgs),
    /// Show one price with all that is known about it
    Show(PricesShowArgs),
    /// Check the catalogue: its age, its sources, what rests on memory
    Check(CatalogueArg),
    /// Read the providers' price feeds and show what changed; writes only with --write
    Refresh(PricesRefreshArgs),
}

/// A catalogue.
#[derive(Debug, Args)]
pub struct CatalogueArg {
    /// A price catalogue to use instead of the refreshed or built-in one
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

/// `trefoil prices list`.
#[derive(Debug, Args)]
pub struct PricesListArgs {
    /// Only prices of this cloud
    #[arg(long)]
    pub cloud: Option<String>,
    /// Only prices that hold in this region
    #[arg(long)]
    pub region: Option<String>,
    /// Only prices whose key or item has this word
    #[arg(value_name = "WORD")]
    pub word: Option<String>,
    /// The catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArg,
}

/// `trefoil prices show`.
#[derive(Debug, Args)]
pub struct PricesShowArgs {
    /// The cloud
    pub cloud: String,
    /// The key of the price, as `prices list` shows it
    pub key: String,
    /// The catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArg,
}

/// `trefoil prices refresh`.
#[derive(Debug, Args)]
pub struct PricesRefreshArgs {
    /// Refresh only the prices of this cloud; may be given several times
    #[arg(long)]
    pub cloud: Vec<String>,
    /// Read the feeds' copies below this address, at HOST/PATH of the feed
    #[arg(long, value_name = "URL")]
    pub mirror: Option<url::Url>,
    /// Write the new catalogue beside the state, for `trefoil cost` to use
    #[arg(long)]
    pub write: bool,
    /// Accept changes beyond the tolerance
    #[arg(long)]
    pub accept: bool,
    /// How much a price may change, in percent
    #[arg(long, default_value = "30", value_name = "PERCENT",
          value_parser = number(dec!(0)..=dec!(1000)))]
    pub tolerance: Decimal,
    /// The catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArg,
}
