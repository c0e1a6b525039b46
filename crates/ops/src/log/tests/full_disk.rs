//! A disk that is full while an entry is written.

use super::*;

#[tokio::test]
#[ignore = "a process of the test below, which may write no more than a few bytes to a file"]
async fn writer() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let log = log_at(&place);
    let (_, tail) = log.read(&Tail::default()).await.unwrap();
    let error = log.append(&tail, &json!("x".repeat(10_000))).await.unwrap_err();
    writeln!(std::io::stdout(), "\nerror {}", error.code()).unwrap();
}

#[tokio::test]
async fn a_full_disk_while_appending_is_an_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 3).await;
    let before = log.read(&Tail::default()).await.unwrap();
    // No file may grow beyond a few blocks; to the process it is as if the disk were full.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "log::tests::full_disk::writer"])
        .env(PLACE, folder.path())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("error log_unreachable"), "{words}");
    assert_eq!(log.read(&Tail::default()).await.unwrap(), before, "nothing half-written is read");
    assert!(matches!(log.append(&before.1, &json!(4)).await.unwrap(), Appended::Mine { .. }));
}
