//! A stand-in for grpcurl, by which the tests run the documentation's commands where grpcurl is not installed. It
//! takes `[-plaintext | -cacert FILE] [-H HEADER] [-d JSON] ADDRESS METHOD` and knows the API by reflection only.
use std::{env, process::ExitCode};

use devspaces_kit::tls::{ClientFiles, ClientTls, File, Flags, connect_lazy};
use devspaces_tests::reflection::{Raw, descriptors};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use tonic::{
    Request,
    metadata::{Ascii, MetadataKey},
    transport::Endpoint,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match call().await {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn call() -> Result<String, Box<dyn std::error::Error>> {
    let (mut headers, mut data, mut rest) = (Vec::new(), "{}".to_owned(), Vec::new());
    let mut authority = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-plaintext" => {}
            "-cacert" => authority = Some(arguments.next().ok_or("-cacert needs a file")?),
            "-H" => headers.push(arguments.next().ok_or("-H needs a header")?),
            "-d" => data = arguments.next().ok_or("-d needs a message")?,
            _ => rest.push(argument),
        }
    }
    let [address, method] = rest.as_slice() else { return Err("usage: grpcurl … ADDRESS METHOD".into()) };
    let scheme = if authority.is_some() { "https" } else { "http" };
    let authorities = authority.map(|path| File { flag: "-cacert", path: path.into() });
    let flags = Flags { authorities: "-cacert", identity: "no flag" };
    let tls = ClientTls::open(ClientFiles { authorities, identity: None, flags })?;
    let channel = connect_lazy(&Endpoint::from_shared(format!("{scheme}://{address}"))?, &tls);
    let (service, name) = method.rsplit_once('/').ok_or("the method must have the form SERVICE/METHOD")?;
    let pool = descriptors(&channel.clone().into(), service).await;
    let service = pool.get_service_by_name(service).ok_or("no such service")?;
    let method = service.methods().find(|method| method.name() == name).ok_or("no such method")?;
    let message =
        DynamicMessage::deserialize(method.input(), &mut serde_json::Deserializer::from_str(&data))?;
    let mut request = Request::new(message.encode_to_vec().into());
    for header in headers {
        let (key, value) = header.split_once(':').ok_or("a header must have the form KEY: VALUE")?;
        request.metadata_mut().insert(key.parse::<MetadataKey<Ascii>>()?, value.trim().parse()?);
    }
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = format!("/{}/{}", service.full_name(), method.name()).parse()?;
    let answer = client
        .unary(request, path, Raw)
        .await
        .map_err(|status| format!("ERROR:\n  Code: {:?}\n  Message: {}", status.code(), status.message()))?;
    let answer = DynamicMessage::decode(method.output(), answer.into_inner())?;
    Ok(serde_json::to_string_pretty(&answer)?)
}
