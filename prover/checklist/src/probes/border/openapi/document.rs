//! An OpenAPI 3.1 or 3.2 document: its operations, what they take and what they answer.

use serde_json::Value;
use url::Url;

/// How many references may lead to each other before that counts as leading nowhere.
const REFERENCES: usize = 16;
/// The methods that a path item may have (OpenAPI 3.1, 4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Stands for the service where a server's URL is relative.
const HERE: &str = "http://127.0.0.1";

/// The reason why a text is no document that can be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoDocument {
    /// It is written in a way that keel does not read, such as YAML.
    Unreadable(String),
    /// It was read, and lacks something.
    Lacks(String),
}

/// The document.
#[derive(Debug)]
pub(super) struct Document {
    root: Value,
    /// Where it is served.
    location: Url,
}

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation<'a> {
    /// The method, in lower case.
    pub(super) method: &'a str,
    /// The path template.
    pub(super) template: &'a str,
    item: &'a Value,
    value: &'a Value,
}

/// One parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// `path`, `query`, `header` or `cookie`.
    pub(super) place: &'a str,
    /// Whether a request must have it.
    pub(super) required: bool,
}

impl Document {
    /// Reads a document that is served at this path.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(text: &[u8], path: &str) -> Result<Self, NoDocument> {
        let root: Value = serde_json::from_slice(text)
            .map_err(|error| NoDocument::Unreadable(format!("it is not JSON ({error}); other forms are not read")))?;
        let lacks = |what: &str| NoDocument::Lacks(what.to_owned());
        let version = root.get("openapi").and_then(Value::as_str).ok_or(lacks("it has no `openapi`"))?;
        if !version.starts_with("3.1.") && !version.starts_with("3.2.") {
            return Err(NoDocument::Lacks(format!("its version is {version}")));
        }
        for pointer in ["/info/title", "/info/version"] {
            root.pointer(pointer).and_then(Value::as_str).ok_or(NoDocument::Lacks(format!("it has no {pointer}")))?;
        }
        let paths = root.get("paths").and_then(Value::as_object);
        paths.filter(|paths| !paths.is_empty()).ok_or(lacks("it has no `paths`"))?;
        let here = Url::parse(HERE).map_err(|error| NoDocument::Unreadable(error.to_string()))?;
        let location = here.join(path).unwrap_or(here);
        Ok(Self { root, location })
    }

    /// The paths under which an operation is served, without a slash at their end: those of its own servers, else of its path's,
    /// else of the document's (OpenAPI 3.1, 4.8.5).
    fn bases(&self, operation: &Operation<'_>) -> Vec<String> {
        let levels = [operation.value, operation.item, &self.root];
        let mut lists =
            levels.iter().filter_map(|level| level.get("servers")?.as_array()).filter(|list| !list.is_empty());
        match lists.next() {
            Some(servers) => servers.iter().map(|server| self.base(server)).collect(),
            None => vec![String::new()],
        }
    }

    /// The path of one server: its variables by their defaults, relative to where the document is.
    fn base(&self, server: &Value) -> String {
        let mut text = server.get("url").and_then(Value::as_str).unwrap_or("/").to_owned();
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            text = text.replace(&format!("{{{name}}}"), default);
        }
        let path = self.location.join(&text).map_or(text, |url| url.path().to_owned());
        path.trim_end_matches('/').to_owned()
    }

    /// The path of a request for an operation whose template has been filled in.
    pub(super) fn path(&self, operation: &Operation<'_>, filled: &str) -> String {
        format!("{}{filled}", self.bases(operation).first().map_or("", String::as_str))
    }

    /// All operations.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
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
    pub(super) fn matching(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next().unwrap_or(path);
        let below = |operation: &Operation<'_>| {
            let mut bases = self.bases(operation).into_iter();
            bases.any(|base| path.strip_prefix(base.as_str()).is_some_and(|path| fits(operation.template, path)))
        };
        let fits = |operation: &Operation<'_>| operation.method.eq_ignore_ascii_case(method) && below(operation);
        self.operations().into_iter().filter(fits).min_by_key(|operation| operation.template.matches('{').count())
    }

    /// Follows references; a value without is itself.
    pub(super) fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
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
    pub(super) fn dangling(&self) -> Vec<String> {
        let mut dangling = Vec::new();
        let mut left = vec![&self.root];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(members) => {
                    let reference = members.get("$ref").and_then(Value::as_str).filter(|text| text.starts_with('#'));
                    dangling.extend(reference.filter(|text| self.target(text).is_none()).map(ToOwned::to_owned));
                    left.extend(members.values());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
        dangling
    }

    /// A schema as one that stands by itself: the document beside it, so that its references lead where they led. Those that lead
    /// out of the document, nowhere, or to the whole document are left out.
    pub(super) fn rooted(&self, schema: &Value) -> Value {
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
                    left.extend(members.values_mut());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
        rooted
    }

    /// The schema of the JSON that a request body or a response has.
    pub(super) fn json_schema<'a>(&'a self, holder: &'a Value) -> Option<&'a Value> {
        let content = self.resolve(holder).get("content")?.as_object()?;
        let (_, media) = content.iter().find(|(name, _)| name.contains("json"))?;
        media.get("schema")
    }
}

impl<'a> Operation<'a> {
    /// What is documented for a status: exactly, for its class, or by default.
    pub(super) fn response(&self, document: &'a Document, status: u16) -> Option<&'a Value> {
        let responses = self.value.get("responses")?;
        let class = format!("{}XX", status / 100);
        let names = [status.to_string(), class.clone(), class.to_lowercase(), "default".to_owned()];
        names.iter().find_map(|name| responses.get(name)).map(|response| document.resolve(response))
    }

    /// The schema of its JSON body, when it takes one.
    pub(super) fn json_body(&self, document: &'a Document) -> Option<&'a Value> {
        document.json_schema(self.value.get("requestBody")?)
    }

    /// Its parameters, those of its path included.
    pub(super) fn parameters(&self, document: &'a Document) -> Vec<Parameter<'a>> {
        let lists = [self.item.get("parameters"), self.value.get("parameters")];
        let parameters = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        parameters
            .filter_map(|parameter| {
                let parameter = document.resolve(parameter);
                let text = |name: &str| parameter.get(name).and_then(Value::as_str);
                let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
                Some(Parameter { name: text("name")?, place: text("in")?, required })
            })
            .collect()
    }
}

/// Whether a path is one of a template: the same number of segments, each the same or in braces.
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
    fn a_text_that_cannot_be_read_is_told_from_one_that_lacks_something() {
        let of = |text: &str| Document::parse(text.as_bytes(), "/openapi.yaml").err();
        assert!(matches!(of("openapi: 3.1.0\npaths: {}"), Some(NoDocument::Unreadable(_))));
        assert!(matches!(of(r#"{"openapi": "3.0.3", "paths": {}}"#), Some(NoDocument::Lacks(_))));
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
