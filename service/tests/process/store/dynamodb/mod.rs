//! What is DynamoDB's own: several processes on one table, answers that are lost, items that are not there yet or any more.

mod table;

pub use table::InDynamoDb;
