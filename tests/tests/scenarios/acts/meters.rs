//! Meters, and what events may tell beside a quantity.
use devspaces_proto::billing::v1::{CreateMeterRequest, Dimension, Meter};
use devspaces_tests::Suite;
use tonic::Status;

/// A meter to be, without dimensions.
pub(crate) fn meter(id: &str, unit: &str) -> Meter {
    Meter { name: format!("meters/{id}"), unit: unit.to_owned(), ..Meter::default() }
}

/// A dimension with these values.
pub(crate) fn dimension(name: &str, values: &[&str]) -> Dimension {
    let values = values.iter().map(ToString::to_string).collect();
    Dimension { name: name.to_owned(), values, max_length: 0 }
}

/// A dimension of any text of at most so many characters.
pub(crate) fn free_text(name: &str, max_length: i32) -> Dimension {
    Dimension { name: name.to_owned(), values: Vec::new(), max_length }
}

/// Makes a meter, as the service that keeps the catalogue.
pub(crate) async fn creates_meter(suite: &Suite, meter: Meter) -> Result<Meter, Status> {
    let request = CreateMeterRequest { meter: Some(meter), request_id: String::new() };
    let catalogue = suite.persona("services/catalogue");
    catalogue.usage().create_meter(request).await.map(tonic::Response::into_inner)
}
