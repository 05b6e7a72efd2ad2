//! Encrypted connections: whose certificates are trusted.
mod roots;

pub use self::roots::Roots;
