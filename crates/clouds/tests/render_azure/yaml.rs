//! Reads YAML as JSON.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

/// The one document of a file.
pub(crate) fn read(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(documents.len(), 1);
    value(&documents[0])
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(one)) => Value::from(*one),
        Yaml::Value(Scalar::Integer(one)) => Value::from(*one),
        Yaml::Value(Scalar::FloatingPoint(one)) => Value::from(one.into_inner()),
        Yaml::Value(Scalar::String(one)) => Value::from(one.to_string()),
        Yaml::Sequence(all) => all.iter().map(value).collect(),
        Yaml::Mapping(all) => {
            let entry =
                |(key, one)| (value(key).as_str().unwrap_or_default().to_owned(), value(one));
            Value::Object(all.iter().map(entry).collect())
        }
        other => panic!("{other:?}"),
    }
}
