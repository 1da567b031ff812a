INSERT INTO sequence (name, value) VALUES ('ticket', 1000), ('problem', 0);
