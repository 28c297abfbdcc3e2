//! An OpenAPI document: its operations, what they take and what they answer.

use serde_json::Value;
use url::Url;

use super::{dialect, text};

/// Maximum number of references in a chain.
const REFERENCES: usize = 16;
/// The methods that a path item may have (OpenAPI 3.2, 4.8); `query` is there from 3.2 on.
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];
/// Stands for the service where a server's URL is relative.
const HERE: &str = "http://127.0.0.1";

/// The reason why a text is no document that can be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDocument {
    /// Keel does not read it: its form, or its version.
    Unreadable(String),
    /// It was read, and lacks something that every OpenAPI document has.
    Lacks(String),
}

/// The versions that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.0, whose schemas are an older dialect.
    V3_0,
    /// 3.1.
    V3_1,
    /// 3.2.
    V3_2,
}

impl Version {
    /// The version of this text, such as `3.1.0`.
    fn of(text: &str) -> Option<Self> {
        let minor = text.splitn(3, '.').take(2).collect::<Vec<_>>();
        match minor[..] {
            ["3", "0"] => Some(Self::V3_0),
            ["3", "1"] => Some(Self::V3_1),
            ["3", "2"] => Some(Self::V3_2),
            _ => None,
        }
    }
}

/// The document.
#[derive(Debug)]
pub struct Document {
    root: Value,
    version: Version,
    /// The address it is served at.
    location: Url,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// The method, in lower case.
    pub method: &'a str,
    /// The path template.
    pub template: &'a str,
    item: &'a Value,
    value: &'a Value,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// `path`, `query`, `header` or `cookie`.
    pub place: &'a str,
    /// True if a request must have it.
    pub required: bool,
    /// A value that it may have, where the document gives one: an example, a default, or the first of its enumeration.
    pub example: Option<&'a Value>,
}

impl Document {
    /// Reads a document that is served at this path.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &[u8], path: &str) -> Result<Self, NoDocument> {
        let mut root = text::read(text).map_err(NoDocument::Unreadable)?;
        let lacks = |what: &str| NoDocument::Lacks(what.to_owned());
        if let Some(version) = root.get("swagger").and_then(Value::as_str) {
            return Err(NoDocument::Lacks(format!("it is Swagger {version}, the format before OpenAPI 3")));
        }
        let version = root.get("openapi").and_then(Value::as_str).ok_or(lacks("it has no `openapi`"))?;
        let version = Version::of(version).ok_or_else(|| {
            NoDocument::Unreadable(format!("its version is {version}, and keel reads 3.0, 3.1 and 3.2"))
        })?;
        for pointer in ["/info/title", "/info/version"] {
            let there = root.pointer(pointer).is_some_and(|value| value.is_string() || value.is_number());
            there.then_some(()).ok_or(NoDocument::Lacks(format!("it has no {pointer}")))?;
        }
        let paths = root.get("paths").and_then(Value::as_object);
        paths.filter(|paths| !paths.is_empty()).ok_or(lacks("it has no `paths`"))?;
        let here = Url::parse(HERE).map_err(|error| NoDocument::Unreadable(error.to_string()))?;
        let mut location = here.join(path).unwrap_or(here);
        // From 3.2 on a document may say itself where it is.
        if let Some(own) = root.get("$self").and_then(Value::as_str) {
            location = location.join(own).unwrap_or(location);
        }
        if version == Version::V3_0 {
            dialect::from_3_0(&mut root);
        }
        Ok(Self { root, version, location })
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The paths under which an operation is served, without a slash at their end: those of its own servers, else of its path's,
    /// else of the document's (OpenAPI 3.1, 4.8.5).
    fn bases(&self, operation: &Operation<'_>) -> Vec<String> {
        let levels = [operation.value, operation.item, &self.root];
        let mut lists =
            levels.iter().filter_map(|level| level.get("servers")?.as_array()).filter(|list| !list.is_empty());
        match lists.next() {
            Some(servers) => servers.iter().filter_map(|server| self.base(server)).collect(),
            None => vec![String::new()],
        }
    }

    /// The path of one server: its variables by their defaults, relative to where the document is. None when a variable has no
    /// default.
    fn base(&self, server: &Value) -> Option<String> {
        let mut text = server.get("url").and_then(Value::as_str).unwrap_or("/").to_owned();
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let Some(default) = variable.get("default") else { continue };
            let default = default.as_str().map_or_else(|| default.to_string(), ToOwned::to_owned);
            text = text.replace(&format!("{{{name}}}"), &default);
        }
        if text.contains('{') {
            return None;
        }
        let url = self.location.join(&text).ok()?;
        Some(url.path().trim_end_matches('/').to_owned())
    }

    /// The path of a request for an operation whose template has been filled in.
    pub fn path(&self, operation: &Operation<'_>, filled: &str) -> String {
        format!("{}{filled}", self.bases(operation).first().map_or("", String::as_str))
    }

    /// All operations of which it is known where they are served.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        self.documented().into_iter().filter(|operation| !self.bases(operation).is_empty()).collect()
    }

    /// The operations of which that is not known, as their servers have variables without a default.
    pub fn unplaced(&self) -> Vec<String> {
        let unplaced = self.documented().into_iter().filter(|operation| self.bases(operation).is_empty());
        unplaced.map(|operation| format!("{} {}", operation.method.to_uppercase(), operation.template)).collect()
    }

    fn documented(&self) -> Vec<Operation<'_>> {
        let paths = self.root.get("paths").and_then(Value::as_object);
        let items = paths.into_iter().flatten().map(|(template, item)| (template, self.resolve(item)));
        items
            .flat_map(|(template, item)| {
                METHODS.iter().filter_map(move |method| {
                    let value = item.get(*method)?;
                    Some(Operation { method, template, item, value })
                })
            })
            .collect()
    }

    /// The operation of a request, a literal path before a template.
    pub fn matching(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next().unwrap_or(path);
        let below = |operation: &Operation<'_>| {
            let mut bases = self.bases(operation).into_iter();
            bases.any(|base| path.strip_prefix(base.as_str()).is_some_and(|path| fits(operation.template, path)))
        };
        let fits = |operation: &Operation<'_>| operation.method.eq_ignore_ascii_case(method) && below(operation);
        self.operations().into_iter().filter(fits).min_by_key(|operation| operation.template.matches('{').count())
    }

    /// Follows references; a value without is itself.
    pub fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..REFERENCES {
            let Some(target) = value.get("$ref").and_then(Value::as_str).and_then(|reference| self.target(reference))
            else {
                break;
            };
            value = target;
        }
        value
    }

    fn target(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// Every reference within the document that leads nowhere.
    pub fn dangling(&self) -> Vec<String> {
        let nowhere = |text: &String| text.starts_with('#') && self.target(text).is_none();
        self.references().into_iter().filter(nowhere).collect()
    }

    /// Every reference to another document; these are not followed.
    pub fn foreign(&self) -> Vec<String> {
        self.references().into_iter().filter(|text| !text.starts_with('#')).collect()
    }

    fn references(&self) -> Vec<String> {
        let mut references = Vec::new();
        let mut left = vec![&self.root];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(members) => {
                    references.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                    left.extend(members.values());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
        references
    }

    /// A schema as one that stands by itself: the document beside it, so that its references lead where they led. Those that lead
    /// out of the document, nowhere, or to the whole document are left out, and so is what only requests must have.
    pub fn rooted(&self, schema: &Value) -> Value {
        // No field of an OpenAPI document is a keyword of JSON Schema.
        let mut rooted = self.root.clone();
        rooted["allOf"] = Value::Array(vec![schema.clone()]);
        let mut left = vec![&mut rooted];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(members) => {
                    let reference = members.get("$ref").and_then(Value::as_str);
                    if reference.is_some_and(|text| text == "#" || self.target(text).is_none()) {
                        members.remove("$ref");
                    }
                    dialect::for_responses(members);
                    left.extend(members.values_mut());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
        rooted
    }

    /// The schema of the JSON that a request body or a response has.
    pub fn json_schema<'a>(&'a self, holder: &'a Value) -> Option<&'a Value> {
        let content = self.resolve(holder).get("content")?.as_object()?;
        let named = |wanted: fn(&str) -> bool| content.iter().find(move |(name, _)| wanted(name));
        let (_, media) = named(|name| name.contains("json"))
            .or_else(|| named(|name| name.starts_with("application/*")))
            .or_else(|| named(|name| name.starts_with("*/*")))?;
        media.get("schema")
    }
}

impl<'a> Operation<'a> {
    /// Returns the documented response for a status: exactly, for its class, or by default.
    pub fn response(&self, document: &'a Document, status: u16) -> Option<&'a Value> {
        let responses = self.value.get("responses")?;
        let class = format!("{}XX", status / 100);
        let names = [status.to_string(), class.clone(), class.to_lowercase(), "default".to_owned()];
        names.iter().find_map(|name| responses.get(name)).map(|response| document.resolve(response))
    }

    /// Returns true if it needs credentials, by itself or as all operations do.
    pub fn is_secured(&self, document: &'a Document) -> bool {
        let security = self.value.get("security").or_else(|| document.root.get("security"));
        // An empty requirement among others makes credentials optional.
        let list = security.and_then(Value::as_array).filter(|list| !list.is_empty());
        list.is_some_and(|list| list.iter().all(|one| one.as_object().is_none_or(|one| !one.is_empty())))
    }

    /// Its summary, or else its id.
    pub fn title(&self) -> Option<&'a str> {
        ["summary", "operationId"].iter().find_map(|name| self.value.get(*name)?.as_str())
    }

    /// An example of its JSON body, where the document gives one.
    pub fn body_example(&self, document: &'a Document) -> Option<&'a Value> {
        let content = document.resolve(self.value.get("requestBody")?).get("content")?.as_object()?;
        let (_, media) = content.iter().find(|(name, _)| name.contains("json"))?;
        example_of(document, media)
    }

    /// The schema of its JSON body, when it takes one.
    pub fn json_body(&self, document: &'a Document) -> Option<&'a Value> {
        document.json_schema(self.value.get("requestBody")?)
    }

    /// Its parameters, those of its path included.
    pub fn parameters(&self, document: &'a Document) -> Vec<Parameter<'a>> {
        let lists = [self.item.get("parameters"), self.value.get("parameters")];
        let parameters = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        let mut all: Vec<Parameter<'a>> = parameters
            .filter_map(|parameter| {
                let parameter = document.resolve(parameter);
                let text = |name: &str| parameter.get(name).and_then(Value::as_str);
                let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
                let example = example_of(document, parameter);
                Some(Parameter { name: text("name")?, place: text("in")?, required, example })
            })
            .collect();
        // An operation's own stands in place of its path's.
        let own = all.clone();
        let mut place = 0;
        all.retain(|one| {
            place += 1;
            !own[place..].iter().any(|later| later.name == one.name && later.place == one.place)
        });
        all
    }
}

/// A value that a parameter or a body may have, as its holder or its schema gives one.
fn example_of<'a>(document: &'a Document, holder: &'a Value) -> Option<&'a Value> {
    let of_examples = |value: &'a Value| {
        let first = value.get("examples")?.as_object()?.values().next()?;
        let first = document.resolve(first);
        first.get("value").or_else(|| first.get("dataValue"))
    };
    let of_schema = |value: &'a Value| {
        let schema = document.resolve(value.get("schema")?);
        let first = |name: &str| schema.get(name)?.as_array()?.first();
        let given = schema.get("example").or_else(|| first("examples")).or_else(|| schema.get("const"));
        given.or_else(|| schema.get("default")).or_else(|| first("enum"))
    };
    holder.get("example").or_else(|| of_examples(holder)).or_else(|| of_schema(holder))
}

/// Returns true if a path fits a template: the same number of segments, each the same or in braces.
fn fits(template: &str, path: &str) -> bool {
    let templates: Vec<&str> = template.split('/').collect();
    let segments: Vec<&str> = path.split('/').collect();
    templates.len() == segments.len()
        && templates.iter().zip(&segments).all(|(template, segment)| match template.split_once('{') {
            Some((before, after)) => {
                let after = after.split_once('}').map_or("", |(_, after)| after);
                segment.len() > before.len() + after.len() && segment.starts_with(before) && segment.ends_with(after)
            }
            None => template == segment,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        let text = json!({
            "openapi": "3.1.0",
            "info": { "title": "t", "version": "1" },
            "servers": [{ "url": "http://x/api/" }],
            "paths": {
                "/things/{id}": { "get": { "responses": { "2XX": { "$ref": "#/components/responses/gone" } } } },
                "/things/new": { "get": { "responses": { "default": {} } } },
            },
        });
        parse(&text)
    }

    fn parse(text: &Value) -> Document {
        Document::parse(text.to_string().as_bytes(), "/docs/openapi.json").expect("it is a document")
    }

    /// A document of version 3.2 with these servers for all, for a path and for its GET.
    fn served(all: Value, path: Value, get: Value) -> Document {
        parse(&json!({
            "openapi": "3.2.0",
            "info": { "title": "t", "version": "1" },
            "servers": all,
            "paths": { "/board": { "servers": path, "get": { "servers": get, "responses": { "default": {} } } } },
        }))
    }

    #[test]
    fn the_nearest_servers_say_where_an_operation_is() {
        let variables = json!([{
            "url": "http://{host}:{port}/{version}",
            "variables": { "host": { "default": "x" }, "port": { "default": "80" }, "version": { "default": "v1" } },
        }]);
        for (document, path) in [
            (served(variables.clone(), json!([]), json!([])), "/v1/board"),
            (served(json!([{ "url": "/all" }]), json!([{ "url": "/path/" }]), json!([])), "/path/board"),
            (served(json!([{ "url": "/all" }]), json!([{ "url": "/path" }]), variables), "/v1/board"),
            (served(json!([{ "url": "v2" }]), json!([]), json!([])), "/docs/v2/board"),
            (served(json!([{ "url": "//x" }, { "url": "https://y/second" }]), json!([]), json!([])), "/second/board"),
        ] {
            assert!(document.matching("GET", path).is_some(), "{path}");
            assert!(document.matching("GET", "/elsewhere/board").is_none(), "{path}");
        }
        let document = served(json!([]), json!([]), json!([]));
        let operation = document.matching("GET", "/board").expect("it is at the root");
        assert_eq!(document.path(&operation, "/board"), "/board");
    }

    #[test]
    fn an_unreadable_text_is_distinguished_from_an_incomplete_document() {
        let of = |text: &str| Document::parse(text.as_bytes(), "/openapi.yaml").err();
        assert!(matches!(of("openapi: [3.1.0\npaths: {}"), Some(NoDocument::Unreadable(_))));
        assert!(matches!(of(r#"{"openapi": "4.0.0", "paths": {}}"#), Some(NoDocument::Unreadable(_))));
        assert!(matches!(of(r#"{"openapi": "3.1.0", "paths": {}}"#), Some(NoDocument::Lacks(_))));
        assert!(matches!(of("swagger: '2.0'\npaths: {/a: {}}"), Some(NoDocument::Lacks(_))));
    }

    #[test]
    fn a_document_in_yaml_is_the_same_as_in_json() {
        let text = "openapi: 3.2.0\ninfo: {title: t, version: 1.0}\nservers: [{url: /v1}]\npaths:\n  /board:\n    get:\n      \
                    responses: {200: {description: ok}}\n";
        let document = Document::parse(text.as_bytes(), "/openapi.yaml").expect("it is a document");
        let operation = document.matching("GET", "/v1/board").expect("it is documented");
        assert!(operation.response(&document, 200).is_some() && document.version() == Version::V3_2);
    }

    #[test]
    fn schemas_of_3_0_are_read_in_their_dialect() {
        let text = json!({
            "openapi": "3.0.3",
            "info": { "title": "t", "version": "1" },
            "paths": { "/a": { "get": { "responses": { "200": { "content": { "application/*": {
                "schema": { "type": "string", "nullable": true },
            } } } } } } },
        });
        let document = parse(&text);
        let operation = document.matching("GET", "/a").expect("it is documented");
        let schema = operation.response(&document, 200).and_then(|response| document.json_schema(response));
        assert_eq!(schema, Some(&json!({ "type": ["string", "null"] })));
    }

    #[test]
    fn operations_whose_server_has_a_variable_without_a_default_are_reported_and_not_sent() {
        let document = served(json!([{ "url": "http://{host}/{base}" }]), json!([]), json!([]));
        assert!(document.operations().is_empty());
        assert_eq!(document.unplaced(), ["GET /board"]);
    }

    #[test]
    fn security_of_an_operation_stands_in_place_of_the_documents() {
        let text = json!({
            "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "security": [{ "key": [] }],
            "paths": { "/a": {
                "get": { "responses": {} }, "put": { "security": [], "responses": {} },
                "post": { "security": [{ "key": [] }, {}], "responses": {} },
            } },
        });
        let document = parse(&text);
        let secured = |method: &str| document.matching(method, "/a").expect("it is documented").is_secured(&document);
        assert_eq!((secured("GET"), secured("PUT"), secured("POST")), (true, false, false));
    }

    #[test]
    fn examples_are_found_where_documents_give_them() {
        let text = json!({
            "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
            "paths": { "/a/{id}": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "example": 1 }],
                "get": { "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "examples": [7] } },
                    { "name": "kind", "in": "query", "schema": { "enum": ["x"] } },
                    { "name": "page", "in": "query", "examples": { "first": { "value": 3 } } },
                    { "name": "none", "in": "query" },
                ], "responses": {} },
            } },
        });
        let document = parse(&text);
        let operation = document.matching("GET", "/a/1").expect("it is documented");
        let examples: Vec<_> =
            operation.parameters(&document).iter().map(|one| (one.name, one.example.cloned())).collect();
        let expected = [("id", Some(json!(7))), ("kind", Some(json!("x"))), ("page", Some(json!(3))), ("none", None)];
        assert_eq!(examples, expected);
    }

    #[test]
    fn a_literal_path_comes_before_a_template() {
        let document = document();
        let template = |path| document.matching("GET", path).map(|operation| operation.template.to_owned());
        assert_eq!(template("/api/things/new").as_deref(), Some("/things/new"));
        assert_eq!(template("/api/things/17?x=1").as_deref(), Some("/things/{id}"));
        assert_eq!(template("/things/17"), None);
        assert_eq!(template("/api/things/17/parts"), None);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_found() {
        assert_eq!(document().dangling(), ["#/components/responses/gone"]);
    }

    #[test]
    fn a_status_is_documented_by_its_class() {
        let document = document();
        let operation = document.matching("GET", "/api/things/17").expect("it is documented");
        assert!(operation.response(&document, 204).is_some());
        assert!(operation.response(&document, 404).is_none());
    }
}
