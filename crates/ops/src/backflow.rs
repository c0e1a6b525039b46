//! Carries objects, sessions and secrets back while the way back is open.
