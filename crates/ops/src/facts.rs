//! What planners decide on, gathered from the world.
