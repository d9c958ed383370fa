//! What a cloud keeps while it does what nobody asked for: takes machines back, and throttles.

use plimsoll_domain::world::{CloudError, Notice};

use super::{Kept, Visit, expect, expect_same};

impl Visit<'_> {
    /// With two machines of the group running, one of which is taken back by `take_back`.
    pub(super) async fn taken_back(&self, take_back: impl AsyncFn(&str)) -> Kept {
        let before = self.its_status().await?.instances;
        let [leaves, stays] = &before[..] else { return Err(format!("{before:?}")) };
        take_back(&leaves.provider_id).await;
        self.until("notice", async || Ok(self.notice_of(&leaves.provider_id).await?.is_some())).await?;
        let notice = self.notice_of(&leaves.provider_id).await?.ok_or("the notice is gone at once")?;
        self.notices_are_of_what_runs().await?;
        self.until("end", async || Ok(self.end_of(&leaves.provider_id).await?.is_some())).await?;
        let end = self.end_of(&leaves.provider_id).await?;
        let end = end.ok_or_else(|| format!("{} runs again", leaves.provider_id))?;
        expect(end.reclaimed && notice.reclaim_time <= end.time, || format!("{notice:?}, {end:?}"))?;
        expect_same("notice after the end", &self.notice_of(&leaves.provider_id).await?, &None)?;
        self.until("another in its place", async || Ok(self.its_status().await?.instances.len() == 2))
            .await?;
        let after = self.its_status().await?;
        expect_same("size", &after.desired_count, &2)?;
        let kept = after.instances.contains(stays) && !after.instances.contains(leaves);
        expect(kept, || format!("{:?}, not {stays:?} and another", after.instances))
    }

    /// While each call to the cloud is throttled.
    pub(super) async fn throttled(&self) -> Kept {
        let (cloud, cluster, spec) = (&self.world.cloud, &self.ground.cluster, &self.ground.spec);
        let answers = [
            ("groups", cloud.groups(cluster).await.err()),
            ("group", cloud.group(cluster, &spec.name).await.err()),
            ("ensure_group", cloud.ensure_group(cluster, spec).await.err()),
            ("ensure_size", cloud.ensure_size(cluster, &spec.name, 3).await.err()),
            ("ensure_group_gone", cloud.ensure_group_gone(cluster, &spec.name).await.err()),
            ("lives", cloud.lives(cluster, self.began).await.err()),
            ("notices", cloud.notices(cluster).await.err()),
            ("quotes", self.world.prices.quotes(cluster).await.err()),
            ("spot_changes", self.world.prices.spot_changes(cluster, self.began).await.err()),
        ];
        for (what, answer) in answers {
            expect_same(what, &answer, &Some(CloudError::Throttled))?;
        }
        self.state().await.map(drop)
    }

    pub(super) async fn notices(&self) -> Result<Vec<Notice>, String> {
        let notices = self.world.cloud.notices(&self.ground.cluster).await;
        notices.map_err(|error| format!("notices: {error}"))
    }

    async fn notice_of(&self, provider_id: &str) -> Result<Option<Notice>, String> {
        Ok(self.notices().await?.into_iter().find(|notice| notice.provider_id == provider_id))
    }

    async fn end_of(&self, provider_id: &str) -> Result<Option<plimsoll_domain::world::End>, String> {
        let lives = self.lives(self.began).await?;
        Ok(lives.into_iter().find(|life| life.provider_id == provider_id).and_then(|life| life.end))
    }
}
