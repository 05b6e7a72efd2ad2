//! How far ahead of the server clients may send.

/// How many bytes a client may send ahead, for each call and in all. Two megabytes for each round trip are 160 Mbit/s over
/// a tenth of a second. Who has no token gets so much read as an open method takes, and the rest is refused.
pub(super) const STREAM_WINDOW: u32 = 128 * 1024;
pub(super) const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;

/// How many requests of a connection may be left unread at a time: fewer than fill its window, so that others on it go on.
pub(super) const UNREAD_REQUESTS: usize = (CONNECTION_WINDOW / STREAM_WINDOW - 1) as usize;
