//! An OpenAPI 3.1 document: its operations, what they take and what they answer.

use serde_json::Value;

/// How many references may lead to each other before that counts as leading nowhere.
const REFERENCES: usize = 16;
/// The methods that a path item may have (OpenAPI 3.1, 4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The document.
#[derive(Debug)]
pub(super) struct Document {
    root: Value,
    /// The path of the first server, without a slash at its end.
    base: String,
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
    /// Reads a document.
    ///
    /// # Errors
    /// What it lacks to be one.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let root: Value = serde_json::from_slice(text).map_err(|error| format!("it is not JSON ({error})"))?;
        let version = root.get("openapi").and_then(Value::as_str).ok_or("it has no `openapi`")?;
        if !version.starts_with("3.1.") {
            return Err(format!("its version is {version}"));
        }
        for pointer in ["/info/title", "/info/version"] {
            root.pointer(pointer).and_then(Value::as_str).ok_or(format!("it has no {pointer}"))?;
        }
        root.get("paths").and_then(Value::as_object).filter(|paths| !paths.is_empty()).ok_or("it has no `paths`")?;
        let server = root.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or("");
        let base = url::Url::parse(server).map_or_else(|_| server.to_owned(), |url| url.path().to_owned());
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { root, base })
    }

    /// The path of a request for a template that has been filled in.
    pub(super) fn path(&self, filled: &str) -> String {
        format!("{}{filled}", self.base)
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
        let path = path.strip_prefix(self.base.as_str())?;
        let fits =
            |operation: &Operation<'_>| operation.method.eq_ignore_ascii_case(method) && fits(operation.template, path);
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
        Document::parse(text.to_string().as_bytes()).expect("it is a document")
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
