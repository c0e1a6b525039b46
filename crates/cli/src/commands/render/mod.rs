//! `trefoil render`: writes the files that set up a cloud.

mod output;
mod profiles;
mod targets;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::operate::render::Artefact;
use trefoil_core::cost::PriceBook;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{Profile, misfit_at};

use crate::args::{ProfileChoice, RenderArgs};
use crate::commands::cost::input::specification;
use crate::errors::SPEC_INVALID;
use crate::table::{table, word};
use crate::{Cx, Error, ExitStatus, Result};
pub(crate) use output::Written;
pub(crate) use profiles::ProfileCost;
use targets::Target;

/// What was rendered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The folder that the files are below.
    output: String,
    /// Whether nothing was written because only a look was asked for.
    dry_run: bool,
    /// What was rendered for.
    environments: Vec<Rendered>,
    /// The files, by their path.
    files: Vec<Written>,
}

/// One environment that was rendered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Rendered {
    /// The name of its folder below `infra/`.
    folder: String,
    /// The cloud.
    cloud: String,
    /// The region.
    region: String,
    /// The profile that it has.
    profile: Profile,
    /// What each profile adds, and what it costs a month.
    profiles: Vec<ProfileCost>,
}

/// Renders.
pub(super) async fn run(cx: &Cx, args: &RenderArgs) -> Result<ExitStatus> {
    let mut spec = specification(cx, &cx.settings).await?;
    if let Some(profile) = args.profile {
        spec.profile = chosen(profile);
    }
    let targets = targets::find(&spec, &args.target)?;
    refuse_misfits(cx, &targets).await?;
    let mut artefacts = Vec::new();
    for target in &targets {
        artefacts.extend((target.renderer.render)(&target.deployment)?);
    }
    let artefacts = once_each(artefacts)?;
    let written = output::write(&args.output, &artefacts, (args.edited, args.dry_run), |text| {
        cx.printer.talk(text);
    })?;
    let book = PriceBook::embedded()?;
    let answer = Answer {
        output: args.output.display().to_string(),
        dry_run: args.dry_run,
        environments: targets.iter().map(|one| rendered(one, &book)).collect::<Result<_>>()?,
        files: written,
    };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(ExitStatus::Yes)
}

fn chosen(profile: ProfileChoice) -> Profile {
    match profile {
        ProfileChoice::Small => Profile::Small,
        ProfileChoice::Standard => Profile::Standard,
        ProfileChoice::Resilient => Profile::Resilient,
    }
}

/// Refuses, before anything is written, what the clouds cannot be: all of it at once, each at its
/// place in the specification.
async fn refuse_misfits(cx: &Cx, targets: &[Target]) -> Result<()> {
    let misfits: Vec<_> = targets
        .iter()
        .flat_map(|target| {
            let misfits = (target.renderer.misfits)(&target.deployment);
            misfits.into_iter().map(|misfit| (target.deployment.folder.as_str(), misfit))
        })
        .collect();
    if misfits.is_empty() {
        return Ok(());
    }
    let file = cx.settings.file.display().to_string();
    let text = tokio::fs::read_to_string(&cx.settings.file).await.unwrap_or_default();
    let found: Vec<_> = misfits
        .iter()
        .map(|(folder, misfit)| {
            let message = format!("{folder}: {}", misfit.message);
            let hint = format!("the nearest that fits: {}", misfit.nearest);
            misfit_at((&file, &text), &misfit.path, message, hint)
        })
        .collect();
    cx.printer.diagnostics(&found, &text);
    let counted = match found.len() {
        1 => "1 thing".to_owned(),
        many => format!("{many} things"),
    };
    Err(Error::usage(SPEC_INVALID, format!("{file} asks for {counted} that a cloud cannot be")))
}

/// The artefacts by path; two of one path must say the same.
fn once_each(mut artefacts: Vec<Artefact>) -> Result<Vec<Artefact>> {
    artefacts.sort_by(|a, b| a.path.cmp(&b.path));
    artefacts.dedup();
    match artefacts.windows(2).find(|pair| pair[0].path == pair[1].path) {
        None => Ok(artefacts),
        Some(pair) => {
            let message = format!("two environments would write different `{}`", pair[0].path);
            Err(Error::failed("render_twice", message).hint("report it: it is a fault of trefoil"))
        }
    }
}

fn rendered(target: &Target, book: &PriceBook) -> Result<Rendered> {
    let Deployment { folder, region, spec, .. } = &target.deployment;
    Ok(Rendered {
        folder: folder.clone(),
        cloud: target.cloud.clone(),
        region: region.clone(),
        profile: spec.profile,
        profiles: profiles::compare(target, book)?,
    })
}

fn text(answer: &Answer) -> String {
    let rows = answer
        .files
        .iter()
        .map(|file| [file.path.clone(), word(&file.change), file.bytes.to_string()]);
    let mut text = table(["file", "change", "bytes"], rows);
    text.push('\n');
    for one in &answer.environments {
        text.push_str(&profiles::text(one));
    }
    if let [first, ..] = answer.environments.as_slice() {
        let what = if answer.dry_run { "would be below" } else { "are below" };
        text.push_str(&format!(
            "\nThe files {what} {}; how to use them: infra/{}/README.md\n",
            answer.output, first.folder
        ));
    }
    text
}
