//! The actions that copy: positions, undoing, and what they say before they begin.

use serde_json::{Value, json};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::journal::Run;
use trefoil_core::plan::{Action, CopyOutput};
use trefoil_ops::actions;
use trefoil_ops::engine::{Check, Context, Perform, Silent, World};

use crate::support::{BUCKET, fresh_world, put, read, run, site_of};

fn action(name: &str, params: &Value) -> Action {
    serde_json::from_value(json!({ "action": name, "params": params })).unwrap()
}

fn objects(since: &Value, last: bool) -> Action {
    let params = json!({
        "from": "east", "to": "west", "bucket": BUCKET, "since": since, "last": last
    });
    action("copy_objects", &params)
}

fn context<'a>(world: &'a World, run: &'a Run, step: usize) -> Context<'a> {
    Context { world, run, step: run.plan.step(step).unwrap(), progress: &Silent, journal: None }
}

fn of<'a>(cx: &Context<'a>) -> &'a dyn Perform {
    actions::of(&cx.step.action)
}

#[tokio::test]
async fn a_second_copy_begins_where_the_first_one_ended() {
    let (_folder, world) = fresh_world();
    let east = &world.site("east").unwrap().services.objects[BUCKET];
    put(east, "a", "a").await;
    let steps = [objects(&json!("beginning"), false), objects(&json!({ "step": 1 }), true)];
    let fresh = run(&json!({}), &steps, &[]);
    let first = context(&world, &fresh, 1);
    let output = of(&first).perform(&first).await.unwrap();
    put(east, "b", "b").await;
    let second = context(&world, &fresh, 2);
    let check = of(&second).check(&second).await.unwrap();
    assert!(matches!(check, Check::After { step: 1, .. }), "{check:?}");

    let done = run(&json!({}), &steps, &[output]);
    let second = context(&world, &done, 2);
    assert!(matches!(of(&second).check(&second).await.unwrap(), Check::Ready));
    for written in [1, 0] {
        let output = of(&second).perform(&second).await.unwrap();
        let output: CopyOutput = serde_json::from_value(output).unwrap();
        assert_eq!(output.written, written);
        assert_eq!(output.source_position, east.position().await.unwrap());
    }
}

#[tokio::test]
async fn only_the_copy_from_the_beginning_is_taken_away_and_never_by_a_rollback() {
    for (kind, kept) in [("rollback", true), ("migrate", false)] {
        taken_away(kind, kept).await;
    }
}

async fn taken_away(kind: &str, kept: bool) {
    let (_folder, world) = fresh_world();
    let site = |name| &world.site(name).unwrap().services;
    put(&site("east").objects[BUCKET], "a", "a").await;
    let sides = json!({ "from": "east", "to": "west" });
    let steps = [
        objects(&json!("beginning"), false),
        objects(&json!({ "position": 0 }), false),
        action("copy_secrets", &sides),
    ];
    let value = "value".into();
    site("east").secrets.set("key", &value).await.unwrap();
    let there = async || {
        let object = read(&site("west").objects[BUCKET], "a").await.is_some();
        (object, site("west").secrets.get("key").await.unwrap().is_some())
    };
    let run = run(&json!({ "kind": kind }), &steps, &[]);
    for step in [1, 3] {
        let cx = context(&world, &run, step);
        of(&cx).perform(&cx).await.unwrap();
    }
    let later = context(&world, &run, 2);
    of(&later).undo(&later).await.unwrap();
    assert_eq!(there().await, (true, true));
    for step in [3, 1, 3, 1] {
        let cx = context(&world, &run, step);
        of(&cx).undo(&cx).await.unwrap();
    }
    assert_eq!(there().await, (kept, kept), "{kind}");
}

#[tokio::test]
async fn a_copy_without_the_record_of_what_it_carried_is_refused_and_an_abort_leaves_what_is_there()
{
    let (folder, world) = fresh_world();
    let bucket = |name| &world.site(name).unwrap().services.objects[BUCKET];
    put(bucket("east"), "a", "a").await;
    let steps = [objects(&json!("beginning"), false), objects(&json!({ "position": 0 }), true)];
    let mut begun = run(&json!({}), &steps, &[]);
    let first = context(&world, &begun, 1);
    let found = of(&first).find(&first).await.unwrap().unwrap();
    begun.found.insert(1, found);
    let first = context(&world, &begun, 1);
    of(&first).perform(&first).await.unwrap();
    of(&first).perform(&first).await.unwrap();
    std::fs::remove_dir_all(folder.path().join("moves")).unwrap();
    for step in [1, 2] {
        let cx = context(&world, &begun, step);
        let error = of(&cx).perform(&cx).await.unwrap_err();
        assert_eq!(error.code(), "manifest_lost");
        assert!(error.to_string().contains("east--west--documents.sqlite"), "{error}");
    }
    let first = context(&world, &begun, 1);
    of(&first).undo(&first).await.unwrap();
    assert_eq!(read(bucket("west"), "a").await.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_target_that_does_not_run_is_left_alone_until_it_is_provisioned() {
    let (_folder, mut world) = fresh_world();
    let services = world.site("west").unwrap().services.clone();
    world.sites.insert("west".into(), site_of("west", services, Provisioned::Absent));
    let copies = [
        objects(&json!("beginning"), false),
        action(
            "copy_sessions",
            &json!({ "from": "east", "to": "west", "since": "beginning", "last": false }),
        ),
        action("copy_secrets", &json!({ "from": "east", "to": "west" })),
    ];
    for copy in copies {
        let provision = action("provision_environment", &json!({ "environment": "west" }));
        let planned = run(&json!({}), &[provision, copy.clone()], &[]);
        let cx = context(&world, &planned, 2);
        let check = of(&cx).check(&cx).await.unwrap();
        assert!(matches!(check, Check::After { step: 1, .. }), "{check:?}");
        let unplanned = run(&json!({}), &[copy], &[]);
        let cx = context(&world, &unplanned, 1);
        let Check::Blocked(error) = of(&cx).check(&cx).await.unwrap() else { panic!("no blocker") };
        assert_eq!(error.code(), "environment_down");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused_by_name() {
    let (_folder, mut world) = fresh_world();
    let mut services = world.site("west").unwrap().services.clone();
    services.objects.clear();
    world.sites.insert("west".into(), site_of("west", services, Provisioned::Running));
    let run = run(&json!({}), &[objects(&json!("beginning"), false)], &[]);
    let cx = context(&world, &run, 1);
    let error = of(&cx).perform(&cx).await.unwrap_err();
    assert_eq!(error.to_string(), "`west` has no bucket `documents`");
}
