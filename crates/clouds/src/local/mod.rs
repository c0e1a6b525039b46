//! Services on this machine, without any account.
