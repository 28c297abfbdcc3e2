-- Running jobs by id: entries that differ cost a claim less than those of a queue, which are all the same.
DROP INDEX evenkeel_job_running;
CREATE INDEX evenkeel_job_running ON evenkeel_job (id) WHERE state = 1;
