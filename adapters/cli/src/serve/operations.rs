//! Requests that create no response: retrieval, deletion, cancellation, input items, token counts, compaction, models.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use turnwire::http::Request;

use super::action::{Action, Plan};
use super::create::{respond_now, resume};
use super::errors::ApiError;
use super::request::{RequestMembers, raw_member};
use super::server::{ScriptedServer, headers, respond_json};
use super::store::{Query, Store, Stored};

/// The operation of a request, by its method and path.
enum Route<'a> {
    Create,
    Compact,
    CountTokens,
    Retrieve(&'a str),
    Delete(&'a str),
    Cancel(&'a str),
    InputItems(&'a str),
    Models,
    Other,
}

impl<'a> Route<'a> {
    fn of(method: &str, target: &'a str) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        if method == "GET" && path.ends_with("/models") {
            return Self::Models;
        }
        let Some((_, rest)) = path.rsplit_once("/responses") else { return Self::Other };
        let mut segments = rest.split('/').skip(1);
        match (method, segments.next(), segments.next(), segments.next()) {
            ("POST", None, None, None) if rest.is_empty() => Self::Create,
            ("POST", Some("compact"), None, None) => Self::Compact,
            ("POST", Some("input_tokens"), None, None) => Self::CountTokens,
            ("GET", Some(id), None, None) => Self::Retrieve(id),
            ("DELETE", Some(id), None, None) => Self::Delete(id),
            ("POST", Some(id), Some("cancel"), None) => Self::Cancel(id),
            ("GET", Some(id), Some("input_items"), None) => Self::InputItems(id),
            _ => Self::Other,
        }
    }
}

impl ScriptedServer {
    pub(super) fn request(&self, head: &Request, body: &str) -> Plan {
        let (method, target) = (head.method(), head.target());
        if let Some(operation) = self.script.operation.iter().find(|operation| operation.matches(method, target)) {
            let (status, headers) = (operation.status.unwrap_or(200), headers(&operation.headers));
            let body = operation.body.clone().unwrap_or_default().into_bytes();
            return Plan::one(Action::Respond(status, headers, body));
        }
        match Route::of(method, target) {
            Route::Create => self.create(head, body),
            Route::Models => {
                let models = self.script.models.iter().map(|id| json!({"id": id, "object": "model", "slug": id}));
                let models: Vec<Value> = models.collect();
                respond_json(200, &json!({"object": "list", "data": models, "models": models}))
            }
            Route::Compact => self.compact(body),
            Route::CountTokens => count_tokens(body),
            Route::Retrieve(id) => match Query::of(target) {
                query if query.get("stream") == Some("true") => self.stream(id, &query),
                _ => self.stored(id, |stored| Ok(respond_now(stored))),
            },
            Route::InputItems(id) => {
                self.stored(id, |stored| Ok(respond_json(200, &stored.input_items(&Query::of(target)))))
            }
            Route::Cancel(id) => {
                let cancelled = cancel(&mut self.state().store, id);
                cancelled.unwrap_or_else(|error| error.respond())
            }
            Route::Delete(id) => match self.state().store.remove(id) {
                Some(_) => respond_json(200, &json!({"id": id, "object": "response", "deleted": true})),
                None => ApiError::response_not_found(id).respond(),
            },
            Route::Other => ApiError::not_found().respond(),
        }
    }

    fn stored(&self, id: &str, then: impl FnOnce(&Stored) -> Result<Plan, ApiError>) -> Plan {
        let state = self.state();
        let stored = state.store.get(id).ok_or_else(|| ApiError::response_not_found(id));
        stored.and_then(then).unwrap_or_else(|error| error.respond())
    }

    /// Returns the stream of a background response.
    fn stream(&self, id: &str, query: &Query<'_>) -> Plan {
        let mut state = self.state();
        let plan = match state.store.get(id).map(|stored| stored.background.is_some()) {
            None => Err(ApiError::response_not_found(id)),
            Some(false) => {
                Err(ApiError::invalid_value("stream", "only the stream of a background response can be resumed"))
            }
            Some(true) => match query.get("starting_after").map(str::parse).transpose() {
                Ok(after) => resume(&mut state.store, id, after).ok_or_else(|| ApiError::response_not_found(id)),
                Err(_) => Err(ApiError::invalid_value("starting_after", "the sequence number is not an integer")),
            },
        };
        plan.unwrap_or_else(|error| error.respond())
    }

    /// Returns the result of a compaction. It uses no reply.
    fn compact(&self, body: &str) -> Plan {
        match RequestMembers::read(body) {
            Err(reason) => return ApiError::invalid(&reason).respond(),
            Ok(RequestMembers { model: None, .. }) => return ApiError::missing("model").respond(),
            Ok(_) => {}
        }
        let number = {
            let mut state = self.state();
            state.replies += 1;
            state.replies
        };
        respond_json(
            200,
            &json!({
                "id": format!("resp_{number}"), "object": "response.compaction", "created_at": self.created_at(),
                "output": [{"id": format!("cmp_{number}"), "type": "compaction", "encrypted_content": "c2NyaXB0ZWQ="}],
                "usage": {
                    "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0},
                    "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
                },
            }),
        )
    }
}

/// Returns a quarter of the bytes of what the model would read: nothing is tokenized here.
fn count_tokens(body: &str) -> Plan {
    if let Err(reason) = RequestMembers::read(body) {
        return ApiError::invalid(&reason).respond();
    }
    let bytes: usize =
        ["input", "instructions", "tools"].iter().filter_map(|name| raw_member(body, name)).map(str::len).sum();
    respond_json(200, &json!({"object": "response.input_tokens", "input_tokens": bytes.div_ceil(4)}))
}

/// Cancels a background response. One that has ended stays as it is.
fn cancel(store: &mut Store, id: &str) -> Result<Plan, ApiError> {
    let now = Instant::now();
    store.keep_due(id, now);
    let stored = store.get(id).ok_or_else(|| ApiError::response_not_found(id))?;
    let Some(background) = &stored.background else {
        return Err(ApiError::invalid_value("response_id", "only a background response can be cancelled"));
    };
    let mut answer = respond_now(stored);
    if background.kept < background.events.len() && background.cancelled.get().is_none() {
        let mut response = stored.now(now);
        response["status"] = "cancelled".into();
        let number = store.events.last_number(id).map_or(0, |last| last + 1);
        let last: Arc<str> =
            json!({"type": "response.cancelled", "sequence_number": number, "response": response}).to_string().into();
        let _ = background.cancelled.set(Arc::clone(&last));
        answer = respond_now(stored);
        store.events.push(id, &last);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn each_operation_has_its_route() {
        let name = |method: &str, target: &str| match Route::of(method, target) {
            Route::Create => "create".to_owned(),
            Route::Compact => "compact".to_owned(),
            Route::CountTokens => "count".to_owned(),
            Route::Retrieve(id) => format!("retrieve {id}"),
            Route::Delete(id) => format!("delete {id}"),
            Route::Cancel(id) => format!("cancel {id}"),
            Route::InputItems(id) => format!("items {id}"),
            Route::Models => "models".to_owned(),
            Route::Other => "other".to_owned(),
        };
        let cases = [
            ("POST", "/v1/responses", "create"),
            ("POST", "/v1/responses?api-version=1", "create"),
            ("POST", "/v1/responses/", "other"),
            ("POST", "/v1/responses/compact", "compact"),
            ("POST", "/v1/responses/input_tokens", "count"),
            ("GET", "/v1/responses/resp_1?stream=true", "retrieve resp_1"),
            ("DELETE", "/v1/responses/resp_1", "delete resp_1"),
            ("POST", "/v1/responses/resp_1/cancel", "cancel resp_1"),
            ("GET", "/v1/responses/resp_1/input_items?limit=1", "items resp_1"),
            ("GET", "/v1/models?client_version=1", "models"),
            ("POST", "/v1/responsesx", "other"),
            ("GET", "/v1/files", "other"),
        ];
        for (method, target, expected) in cases {
            assert_eq!(name(method, target), expected, "{method} {target}");
        }
    }
}
