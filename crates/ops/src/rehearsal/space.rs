//! Whether the disk has room for the copies, asked before anything is copied.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use trefoil_core::plan::Plan;

use crate::engine::World;
use crate::movers::postgres::Server;
use crate::{Error, Result};

/// How many times the rows are on the disk at worst: source and target, and what the logs of both
/// servers keep meanwhile.
const DATABASE_TIMES: u64 = 4;
/// Objects are at source and target.
const OBJECTS_TIMES: u64 = 2;
/// What two servers, their logs and two applications need in any case.
const BASE_BYTES: u64 = 512 << 20;

/// Refuses a rehearsal for which there is no room.
///
/// # Errors
/// `rehearsal_space`, with what is needed and what is free.
pub(super) async fn require(real: &World, plan: &Plan) -> Result<()> {
    let bytes = &plan.bytes;
    let needed = BASE_BYTES
        .saturating_add(bytes.database_bytes.saturating_mul(DATABASE_TIMES))
        .saturating_add(bytes.objects_bytes.saturating_mul(OBJECTS_TIMES));
    let mut places = vec![real.folder.clone()];
    places.extend(data_folder(real, &plan.from).await?);
    for place in places {
        let free = free_bytes(&place)?;
        if free < needed {
            let why = format!(
                "copies need about {needed} bytes, and {} has {free} left",
                place.display()
            );
            return Err(Error::missing("rehearsal_space", why).hint(
                "make room, or use a folder \
                 of state on a larger disk",
            ));
        }
    }
    Ok(())
}

/// Where the source's server has its data, if it lies on this machine: the copies' will lie beside.
async fn data_folder(real: &World, from: &str) -> Result<Option<PathBuf>> {
    if real.spec.database.is_none() {
        return Ok(None);
    }
    let server = Server::of_site(real.site(from)?).await?;
    let told = server.texts("read where its data is", "SHOW data_directory", &[]).await?;
    Ok(told.first().map(PathBuf::from).filter(|folder| folder.exists()))
}

fn free_bytes(place: &Path) -> Result<u64> {
    let told = statvfs(place).map_err(|error| {
        let why = format!("cannot read how much space {} has", place.display());
        Error::failed("rehearsal_space", why).because(error)
    })?;
    Ok(told.blocks_available().saturating_mul(told.fragment_size()))
}
