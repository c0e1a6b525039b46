//! JSON over HTTP on a Unix socket: the client of agent and edge.
