//! The fenced log: numbered entries, each created once or not at all.
