//! The files for Google Cloud: the examples, limits, names, hostile text, and the faults that they
//! must not have.

mod changes;
mod faults;
mod gcloud;
mod golden;
mod hostile;
mod limits;
mod names;
mod same;
mod support;
