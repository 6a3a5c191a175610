//! The OpenAPI document, assembled from the route table and the types of its handlers.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use baton_api::problem::{PROBLEM_JSON, Problem};

use super::Http;
use super::access::Access;
use super::route::{Route, Shape};

/// The document as JSON, made once.
static TEXT: LazyLock<String> = LazyLock::new(|| super::openapi().to_string());

/// `GET /api/v1/openapi.json`.
pub(crate) async fn get_openapi(State(http): State<Arc<Http>>) -> Response {
    let text = match http.outside.base.as_str() {
        "" => TEXT.clone(),
        base => {
            let mut document = super::openapi();
            document["servers"] = serde_json::json!([{ "url": base }]);
            document.to_string()
        }
    };
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// The document of these routes.
pub(super) fn document(routes: Vec<Route>) -> serde_json::Value {
    let mut document = serde_json::to_value(assemble(routes)).expect("the document is plain JSON");
    super::types::widen(&mut document);
    document
}

fn assemble(routes: Vec<Route>) -> OpenApi {
    let mut schemas = BTreeMap::from([(Problem::name().into_owned(), Problem::schema())]);
    let mut nested = Vec::new();
    Problem::schemas(&mut nested);
    let mut paths = PathsBuilder::new();
    for mut route in routes {
        let Some(shape) = route.shape.take() else {
            continue;
        };
        nested.extend(shape.schemas.iter().cloned());
        let item = PathItem::new(method(&route), operation(&route, shape));
        paths = paths.path(route.path, item);
    }
    schemas.extend(nested);
    let mut components = ComponentsBuilder::new().security_scheme(
        "key",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Baton")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Runs automations on a fleet of machines. Lists are `{items, next}`; errors are \
                     problem+json with a stable `code`; instants are RFC 3339 in UTC.",
                )),
        )
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, shape: Shape) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.id))
        .summary(Some(route.summary))
        .tag(tag(route.path));
    for name in path_parameters(route.path) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text_of(shape.path_is_id))),
        );
    }
    for parameter in shape.parameters {
        operation = operation.parameter(parameter);
    }
    if let Some((schema, is_required)) = shape.body {
        let required = if is_required {
            Required::True
        } else {
            Required::False
        };
        operation = operation.request_body(Some(
            RequestBodyBuilder::new()
                .content("application/json", Content::new(Some(schema)))
                .required(Some(required))
                .build(),
        ));
    } else if shape.raw_body {
        operation = operation.request_body(Some(
            RequestBodyBuilder::new()
                .content("application/octet-stream", Content::default())
                .required(Some(Required::True))
                .build(),
        ));
    }
    for (status, media_type, schema) in shape.answers {
        let mut good = ResponseBuilder::new().description("Done.");
        if !media_type.is_empty() {
            good = good.content(media_type, Content::new(schema));
        }
        operation = operation.response(status.to_string(), good.build());
    }
    let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
    operation = operation.response(
        "default",
        ResponseBuilder::new()
            .description("Refused or failed; `code` says why.")
            .content(PROBLEM_JSON, problem)
            .build(),
    );
    if route.access != Access::Public {
        operation = operation.security(SecurityRequirement::new("key", Vec::<String>::new()));
    }
    operation
}

/// What stands in the path: an id, or an id or a name.
fn text_of(is_id: bool) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    text.format(is_id.then_some(format)).into()
}

fn tag(path: &str) -> &str {
    path.trim_start_matches(baton_api::rest::BASE)
        .split('/')
        .find(|part| !part.is_empty())
        .unwrap_or("server")
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| {
        part.strip_prefix('{')?
            .strip_suffix('}')
            .map(|name| name.trim_start_matches('*'))
    })
}
