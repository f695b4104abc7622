-- wxcast's user and database; once, on the leader.
CREATE ROLE wxcast LOGIN PASSWORD 'PASSWORD-OF-WXCAST';
CREATE DATABASE wxcast OWNER wxcast;
