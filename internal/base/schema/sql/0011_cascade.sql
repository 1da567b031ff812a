-- Which record had its part of a cascade, a job that brings one thing to many, so that a job run again does nothing twice.
-- owner: job
CREATE TABLE job_step (
	cascade TEXT   NOT NULL, -- id of the cascade
	ref     TEXT   NOT NULL, -- of the record
	at      BIGINT NOT NULL,
	PRIMARY KEY (cascade, ref)
){{clustered}};

INSERT INTO job_step (cascade, ref, at) SELECT cascade, ref, at FROM problem_step;
DROP TABLE problem_step;
