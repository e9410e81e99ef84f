//! A conversation for a page: its turns, the tools that the page runs, and the text as it comes.

use js_sys::{Function, Promise};
use turnwire_web::turnwire::client::{Credentials, Event, Provider, Request, Settings, TransportPreference};
use turnwire_web::turnwire::responses::{CreateResponse, EventData, Item, RawJson, tool};
use turnwire_web::turnwire::web;
use turnwire_web::{Client, ToolCall};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// One conversation with one server.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Chat {
    client: Client,
    request: Request,
    turn_token: Option<String>,
}

#[wasm_bindgen]
impl Chat {
    /// `transport`: `websocket`, `http` or `auto`. The key also goes into a subprotocol, because a page cannot set the headers of a
    /// WebSocket handshake.
    #[wasm_bindgen(constructor)]
    pub fn new(base_url: &str, transport: &str, key: &str, model: &str) -> Result<Chat, JsError> {
        let mut provider = Provider::new("demo", base_url);
        provider.retry.max_retries = 1;
        let mut settings = Settings::default();
        settings.transport = match transport {
            "websocket" => TransportPreference::WebSocket,
            "http" => TransportPreference::Http,
            _ => TransportPreference::Auto,
        };
        let mut web = web::Settings::new();
        web.subprotocols = vec!["realtime".into()];
        web.key_subprotocol = Some("openai-insecure-api-key.".into());
        let client = Client::with_web_settings(provider, Credentials::bearer(key), settings, web)?;
        let request = CreateResponse::new(model, Vec::new()).tools([weather()]);
        Ok(Self { client, request: request.into(), turn_token: None })
    }

    /// Asks in a turn of its own, and runs tools until the model calls no more. `on_text` gets each piece of text as it comes;
    /// `run_tool` gets the name and the arguments of a tool, and returns its output or a promise of it.
    pub async fn ask(&mut self, question: &str, on_text: &Function, run_tool: &Function) -> Result<String, JsError> {
        let Self { client, request, turn_token } = self;
        request.body.input.push(Item::user(question));
        let mut turn = client.turn()?;
        loop {
            let observe = |event: &Event<'_>| {
                if let Event::Server { event, .. } = event
                    && let EventData::OutputTextDelta { delta, .. } = &event.data
                {
                    // What the page's function throws is its own.
                    let _ = on_text.call1(&JsValue::NULL, &JsValue::from_str(delta));
                }
            };
            let response = turn.ask_with(request.clone(), observe).await?;
            *turn_token = turn.token().map(Into::into);
            request.body.input.extend(response.output.iter().cloned());
            let calls = ToolCall::open(&request.body.input);
            if calls.is_empty() {
                return Ok(response.output_text());
            }
            for call in calls {
                let output = run(run_tool, &call).await?;
                request.body.input.push(call.to_output(output));
            }
        }
    }

    /// Returns the token of the last turn.
    #[wasm_bindgen(js_name = turnToken)]
    pub fn turn_token(&self) -> Option<String> {
        self.turn_token.clone()
    }

    /// Closes the connection.
    pub async fn close(&mut self) {
        self.client.close().await;
    }
}

async fn run(run_tool: &Function, call: &ToolCall) -> Result<String, JsError> {
    let failed = |_| JsError::new("the tool has thrown");
    let (name, input) = (JsValue::from_str(call.name()), JsValue::from_str(call.input()));
    let returned = run_tool.call2(&JsValue::NULL, &name, &input).map_err(failed)?;
    let output = JsFuture::from(Promise::resolve(&returned)).await.map_err(failed)?;
    output.as_string().ok_or_else(|| JsError::new("the tool has returned no text"))
}

fn weather() -> tool::Function {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    let schema = RawJson::new(schema).expect("valid JSON");
    tool::Function::new("weather", "The weather in a city.", schema)
}
