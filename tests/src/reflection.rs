//! The API as a port describes it itself, and calls of methods that are known from there only.
use std::collections::HashMap;

use prost::{Message as _, bytes::Bytes};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::Port;

/// Sends and receives messages as the bytes that they are.
#[derive(Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put(buffer, item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = prost::bytes::Buf::remaining(buffer);
        Ok(Some(prost::bytes::Buf::copy_to_bytes(buffer, length)))
    }
}

async fn reflect(port: &Port, request: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut client = ServerReflectionClient::new(port.clone());
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("reflection").into_inner();
    answers.message().await.expect("an answer").expect("one answer").message_response.expect("a response")
}

/// The files that describe a service, with all that they import.
pub async fn descriptors(port: &Port, service: &str) -> DescriptorPool {
    let mut wanted = vec![MessageRequest::FileContainingSymbol(service.to_owned())];
    let mut files = HashMap::new();
    while let Some(request) = wanted.pop() {
        let MessageResponse::FileDescriptorResponse(answer) = reflect(port, request).await else {
            panic!("no description of {service}")
        };
        for file in answer.file_descriptor_proto.into_iter().map(Bytes::from) {
            let proto = prost_types::FileDescriptorProto::decode(file.clone()).expect("a file");
            let imports = proto.dependency.iter().filter(|import| !files.contains_key(*import));
            wanted.extend(imports.cloned().map(MessageRequest::FileByFilename));
            files.insert(proto.name().to_owned(), (proto.dependency.clone(), file));
        }
    }
    in_order(files)
}

/// A pool takes a file only after those that it imports.
fn in_order(mut files: HashMap<String, (Vec<String>, Bytes)>) -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    while !files.is_empty() {
        let known = |imports: &[String]| imports.iter().all(|import| pool.get_file_by_name(import).is_some());
        let next = files.iter().find(|(_, (imports, _))| known(imports)).map(|(name, _)| name.clone());
        let (_, file) = files.remove(&next.expect("no import goes in circles")).expect("a file");
        pool.decode_file_descriptor_proto(file).expect("a valid file");
    }
    pool
}

/// Every method of the services of devspaces on a port.
pub async fn methods(port: &Port) -> Vec<MethodDescriptor> {
    let list = reflect(port, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(list) = list else { panic!("no list of services") };
    let mut methods = Vec::new();
    for service in list.service.iter().filter(|service| service.name.starts_with("devspaces.")) {
        let pool = descriptors(port, &service.name).await;
        methods.extend(pool.get_service_by_name(&service.name).expect("the service").methods());
    }
    methods
}
