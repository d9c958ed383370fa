//! The queue, and the price list.

use plimsoll_manifest::price::offer;

use super::stage::{Stage, expect, until, well};
use super::{Case, Kept, case};

pub fn cases() -> Vec<Case> {
    const PRODUCTS: &str = "pricing:GetProducts";
    vec![
        case("sqs:ReceiveMessage", "a message is told with a receipt", |on| Box::pin(told(on))),
        case("sqs:DeleteMessage", "a message that is deleted is not told again", |on| Box::pin(deleted(on))),
        case(PRODUCTS, "products are texts that can be read", |on| Box::pin(products(on))),
        case(PRODUCTS, "products come in pages", |on| Box::pin(pages(on))),
    ]
}

/// Bodies and receipts of what is in the queue.
async fn receive(on: &Stage) -> Result<Vec<(String, String)>, String> {
    let answer = on.sqs.receive_message().queue_url(&on.queue).max_number_of_messages(10).send().await;
    let messages = well(answer)?.messages.unwrap_or_default();
    Ok(messages.into_iter().filter_map(|one| Some((one.body?, one.receipt_handle?))).collect())
}

async fn delete(on: &Stage, receipt: &str) -> Kept {
    well(on.sqs.delete_message().queue_url(&on.queue).receipt_handle(receipt).send().await.map(drop))
}

async fn told(on: &Stage) -> Kept {
    on.tell("{\"one\": 1}").await;
    let all = receive(on).await?;
    for (_, receipt) in &all {
        delete(on, receipt).await?;
    }
    expect(all.len() == 1 && all[0].0 == "{\"one\": 1}", || format!("{all:?}"))
}

async fn deleted(on: &Stage) -> Kept {
    on.tell("{\"two\": 2}").await;
    until("told", async || {
        let all = receive(on).await?;
        for (_, receipt) in &all {
            delete(on, receipt).await?;
        }
        Ok(!all.is_empty())
    })
    .await?;
    let again = receive(on).await?;
    expect(again.is_empty(), || format!("{again:?}"))
}

async fn products(on: &Stage) -> Kept {
    let page = well(on.pricing.get_products().service_code("AmazonEC2").send().await)?;
    let (prices, odd) = well(offer::items(page.price_list().iter().map(String::as_str), "us-east-1"))?;
    expect(!prices.is_empty() && odd.is_empty(), || format!("{prices:?}, {odd:?}"))
}

async fn pages(on: &Stage) -> Kept {
    let page = well(on.pricing.get_products().service_code("AmazonEC2").max_results(7).send().await)?;
    let count = page.price_list().len();
    expect(count == 7 && page.next_token().is_some(), || format!("{count} on the first page"))
}
