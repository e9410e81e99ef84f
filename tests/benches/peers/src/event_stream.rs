//! Clients over event streams in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::responses::CreateResponseArgs;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use turnwire_benches::contest::Row;
use turnwire_benches::wire::{ReadSize, Seen, Wire};
use turnwire_benches::workload::{READ, Streams};

use crate::{TURNWIRE, count};

/// The bodies of the responses, each as the reads of its transport.
type Bodies = Arc<Vec<Vec<Bytes>>>;

/// Returns all rows. async-openai gets the bodies as they are, turnwire those in `wire`, in chunks and with heads.
pub fn rows<'w>(streams: &Streams, wire: &'w Wire, size: ReadSize) -> Vec<Row<'w, Seen>> {
    let bodies = bodies(streams, if size == ReadSize::Large { READ } else { 0 });
    vec![
        Row::new(TURNWIRE, move || wire.run_client(size)),
        Row::new("async-openai's client", move || in_memory(&bodies)),
    ]
}

fn bodies(streams: &Streams, size: usize) -> Bodies {
    let reads = streams.reads(size).into_iter();
    Arc::new(reads.map(|body| body.into_iter().map(Bytes::copy_from_slice).collect()).collect())
}

/// One pass of async-openai's client, with a service in place of reqwest's connections.
fn in_memory(bodies: &Bodies) -> Seen {
    let (next, shared) = (Arc::new(AtomicUsize::new(0)), Arc::clone(bodies));
    let service = tower::service_fn(move |factory: HttpRequestFactory| {
        let body = shared[next.fetch_add(1, Ordering::Relaxed)].clone();
        async move {
            factory.build().await?;
            let reads = stream::iter(body.into_iter().map(Ok::<_, std::convert::Infallible>));
            let response = http::Response::builder().header("content-type", "text/event-stream");
            let response = response.body(reqwest::Body::wrap_stream(reads)).expect("a valid head");
            Ok::<_, OpenAIError>(reqwest::Response::from(response))
        }
    });
    let client = Client::with_config(OpenAIConfig::new().with_api_key("none")).with_http_service(service);
    async_openai(&client, bodies.len())
}

/// Runs this number of responses of async-openai's client.
pub fn async_openai(client: &Client<OpenAIConfig>, responses: usize) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut seen = Seen::default();
    runtime.block_on(async {
        for _ in 0..responses {
            let request = CreateResponseArgs::default().model("gpt-x").input("ping").build().expect("a request");
            let mut events = client.responses().create_stream(request).await.expect("a response");
            while let Some(event) = events.next().await {
                count::async_openai(&std::hint::black_box(event.expect("an event")), &mut seen);
            }
        }
    });
    seen
}
