/// Why an event does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// A sentence that names the fields.
    Malformed(String),
    AppUnknown,
    MeterUnknown,
    MeterRetired,
    /// A sentence that names the dimensions.
    Dimension(String),
    /// With it, more would be used than can be priced.
    TooMuch,
    TimeInFuture,
    MonthClosed,
    ContentDiffers,
}
