-- The log of a chat is numbered on from its newest row: its head was a row of its own, written with each message.
DELETE FROM streams WHERE name >= 'chat:' AND name < 'chat;';
