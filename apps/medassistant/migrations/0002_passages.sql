-- What can be searched in documents of text: pieces of a few sentences each, in their order. A
-- document that was stored by an earlier build has none until it is stored again.
CREATE TABLE passages (
    document text COLLATE "C" NOT NULL,
    number int NOT NULL,
    text text NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (document, number)
);
CREATE INDEX passages_words ON passages USING gin (words);
