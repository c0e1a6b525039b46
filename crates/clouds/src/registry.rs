//! The clouds that this build knows.
