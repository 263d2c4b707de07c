//! Numbers that the implementation must reproduce.
