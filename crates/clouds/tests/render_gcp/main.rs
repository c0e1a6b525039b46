//! The files for Google Cloud: the examples, limits, names, hostile text, and the faults that they
//! must not have.

mod golden;
mod support;
