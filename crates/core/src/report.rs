//! Reports of moves and of the demonstration.
