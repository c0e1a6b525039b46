//! Rules of the repository that the compiler does not hold. They are tests of this crate:
//! `cargo test -p tidy`; each prints all that it finds, with file and line.
