//! End-to-end tests, through the binary and the library's public face.
