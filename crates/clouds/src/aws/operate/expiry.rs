//! Whether a rule of a bucket deletes objects below a prefix by itself.

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};

/// Whether a rule that is in force deletes current objects of which some may begin with `prefix`.
/// A rule for objects with certain tags leaves out those that have none; a rule by size may not.
pub(super) fn deletes(rule: &LifecycleRule, prefix: &str) -> bool {
    let in_force = *rule.status() == ExpirationStatus::Enabled;
    let expires = rule.expiration().is_some_and(|expiry| {
        expiry.days().is_some_and(|days| days > 0) || expiry.date().is_some()
    });
    let (of, tagged) = filter(rule);
    in_force && expires && !tagged && (of.starts_with(prefix) || prefix.starts_with(of))
}

/// The prefix for which a rule holds, and whether it is for tagged objects only.
#[expect(deprecated, reason = "rules that were written long ago say their prefix there")]
fn filter(rule: &LifecycleRule) -> (&str, bool) {
    let Some(filter) = rule.filter() else { return (rule.prefix().unwrap_or_default(), false) };
    let all = filter.and();
    let of = filter.prefix().or_else(|| all.and_then(|all| all.prefix()));
    let tagged = filter.tag().is_some() || all.is_some_and(|all| !all.tags().is_empty());
    (of.unwrap_or_default(), tagged)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleFilter, Tag};

    use super::*;

    fn rule(filter: LifecycleRuleFilter, status: ExpirationStatus) -> LifecycleRule {
        let expiration = LifecycleExpiration::builder().days(30).build();
        LifecycleRule::builder()
            .status(status)
            .filter(filter)
            .expiration(expiration)
            .build()
            .unwrap()
    }

    #[test]
    fn a_rule_concerns_what_begins_as_its_own_prefix_does() {
        let of = |prefix: &str| LifecycleRuleFilter::builder().prefix(prefix).build();
        for (prefix, concerned) in
            [("", true), ("of/", true), ("of/an-app/log/", true), ("tmp/", false), ("of/b", false)]
        {
            let found = deletes(&rule(of(prefix), ExpirationStatus::Enabled), "of/an-app/");
            assert_eq!(found, concerned, "{prefix}");
        }
        assert!(!deletes(&rule(of(""), ExpirationStatus::Disabled), "of/an-app/"));
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let tagged = LifecycleRuleFilter::builder().tag(tag).build();
        assert!(!deletes(&rule(tagged, ExpirationStatus::Enabled), "of/an-app/"));
    }
}
