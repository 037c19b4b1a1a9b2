BEGIN TRANSACTION;
CREATE TABLE addresses (
        id TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        kind TEXT NOT NULL CHECK (kind <> ''),
        value TEXT NOT NULL CHECK (value <> ''),
        created_ms BIGINT NOT NULL,
        seen_ms BIGINT NOT NULL,
        verified_ms BIGINT,
        ended_ms BIGINT,
        reachable SMALLINT NOT NULL CHECK (reachable IN (0, 1))
    );
INSERT INTO "addresses" VALUES('c6cd075a-997f-4f12-b072-10432f0cb87f','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009',1795000000000,1795000000000,1795000000000,NULL,1);
INSERT INTO "addresses" VALUES('2b55de06-5131-495e-8d62-83d33086e47a','155f0fb8-8942-4334-8f2f-61ea982815ee','msisdn','+233240000007',1795000060000,1795000060000,1795000060000,NULL,1);
INSERT INTO "addresses" VALUES('133cc911-5625-492d-806f-db29f9f58de3','20e73b71-6138-4cbf-b832-d97a7f7f8294','msisdn','+233240000001',1795000060000,1795000060000,1795000060000,NULL,1);
INSERT INTO "addresses" VALUES('5a0b4dd3-eefd-48da-9c25-deb2db61a871','a774d1c4-317e-492d-9e57-a7a976e06b0e','msisdn','+233240000002',1795000060000,1795000060000,1795000060000,NULL,1);
INSERT INTO "addresses" VALUES('61c0c2f7-c2dc-47c9-b8ad-76078fb3f629','723b46f3-a80c-47db-8474-a900686d2481','msisdn','+254700000001',1795000060000,1795000060000,1795000060000,NULL,1);
CREATE TABLE agreement_lines (
        agreement_id TEXT NOT NULL REFERENCES agreements (id),
        seq INTEGER NOT NULL CHECK (seq > 0),
        held TEXT CHECK (held IN ('REQUESTED', 'ACTIVE', 'PAID', 'REFUSED', 'CANCELLED', 'EXPIRED', 'UNRESOLVED')),
        said TEXT NOT NULL CHECK (said IN ('REQUESTED', 'ACTIVE', 'PAID', 'REFUSED', 'CANCELLED', 'EXPIRED', 'UNRESOLVED')),
        source TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (agreement_id, seq),
        CHECK ((seq = 1) = (held IS NULL)),
        CHECK (held IS NULL OR held NOT IN ('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED'))
    );
CREATE TABLE agreements (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('preapproval', 'invoice', 'consent')),
        state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'ACTIVE', 'PAID', 'REFUSED', 'CANCELLED', 'EXPIRED', 'UNRESOLVED')),
        connection TEXT NOT NULL,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        person_id TEXT NOT NULL REFERENCES people (id),
        payer TEXT NOT NULL CHECK (payer <> ''),
        amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
        currency TEXT NOT NULL,
        reference TEXT NOT NULL UNIQUE,
        code TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        version BIGINT NOT NULL,
        until_ms BIGINT,
        every TEXT NOT NULL CHECK (every IN ('', 'day', 'week', 'month')),
        description TEXT NOT NULL,
        staff_id TEXT NOT NULL,
        provider_id TEXT NOT NULL,
        payment_reference TEXT NOT NULL,
        provider_code TEXT NOT NULL,
        due_ms BIGINT,
        asks INTEGER NOT NULL CHECK (asks >= 0),
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL, place TEXT NOT NULL DEFAULT '',
        CHECK (state NOT IN ('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED') OR (due_ms IS NULL AND lease_until_ms = 0)),
        CHECK (kind = 'consent' OR amount_minor > 0)
    );
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE approvals (
        id TEXT NOT NULL PRIMARY KEY,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused')),
        wanted TEXT NOT NULL,
        asked_by TEXT NOT NULL REFERENCES staff (id),
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        decided_by TEXT NOT NULL,
        decided_ms BIGINT,
        order_id TEXT REFERENCES orders (id),
        conversation_id TEXT,
        act_position INTEGER,
        CHECK ((state = 'waiting') = (decided_ms IS NULL)),
        CHECK (state <> 'approved' OR order_id IS NOT NULL),
        CHECK (decided_by <> asked_by)
    );
INSERT INTO "approvals" VALUES('77e8492a-0330-4c3e-b551-45902b1eb84f','4b458634-52ac-4759-8f5e-9568aecfb925','refused','{"id":"7753bbb7-b26b-4153-b498-f3565d746409","code":"WBZV9B6W","kind":"refund","state":"NEW","connection":"momo-ghana","merchant_id":"4b458634-52ac-4759-8f5e-9568aecfb925","person_id":"22055cde-3558-46ee-921b-98f65e77a75e","amount_minor":60000,"currency":"GHS","payer":"","reference":"f9d188ec-dd56-422b-81ea-ec8e730f833b","origin_channel":"ussd","origin_kind":"msisdn","origin_value":"+233240000009","created_ms":1795000060000,"updated_ms":1795000060000,"version":0,"conversation_id":null,"act_position":null,"network":"","note":"Ama''s Kitchen","provider_reference":"","financial_id":"","reason":null,"provider_code":"","sent_ms":null,"accepted_ms":null,"otp_tries":0,"otp_expires_ms":null,"due_ms":0,"asks":0,"asked_ms":null,"deadline_ms":null,"attempts":0,"hinted_by":null,"fence":0,"lease_until_ms":0,"pending_ref":"","parent_id":"dfc57838-e27b-4821-8c1b-ee3ed89a9bff","payee":"+233240000009","terms":{"about_reference":"834431d5-3ad7-406c-b782-2c7053d8892b"},"agreement_id":null,"staff_id":"b691e100-3a4b-44c6-b572-a6be2d12d2e6","approved_by":"","follows_id":null,"restored_ms":null,"place":"","sent_with":"","missed_ms":null,"doubted_ms":null}','b691e100-3a4b-44c6-b572-a6be2d12d2e6',1795000060000,1795086460000,'82bcc6eb-8af5-48ac-ace6-d4c6957f0f49',1795000060000,NULL,'621ed6c4-9ff3-48cf-9898-6e03dd6aaa1d',8);
INSERT INTO "approvals" VALUES('71f58516-da2a-4bbf-8d31-b60280615c60','4b458634-52ac-4759-8f5e-9568aecfb925','waiting','{"id":"361ec523-6b69-42ac-9a08-10e4b56b3f15","code":"AXB98ANF","kind":"transfer","state":"NEW","connection":"momo-ghana","merchant_id":"4b458634-52ac-4759-8f5e-9568aecfb925","person_id":"22055cde-3558-46ee-921b-98f65e77a75e","amount_minor":60000,"currency":"GHS","payer":"","reference":"cd5f3cb8-0717-4703-a793-33d009e51d9f","origin_channel":"ussd","origin_kind":"msisdn","origin_value":"+233240000009","created_ms":1795000060000,"updated_ms":1795000060000,"version":0,"conversation_id":null,"act_position":null,"network":"","note":"Ama''s Kitchen","provider_reference":"","financial_id":"","reason":null,"provider_code":"","sent_ms":null,"accepted_ms":null,"otp_tries":0,"otp_expires_ms":null,"due_ms":0,"asks":0,"asked_ms":null,"deadline_ms":null,"attempts":0,"hinted_by":null,"fence":0,"lease_until_ms":0,"pending_ref":"","parent_id":null,"payee":"+233240000002","terms":{},"agreement_id":null,"staff_id":"b691e100-3a4b-44c6-b572-a6be2d12d2e6","approved_by":"","follows_id":null,"restored_ms":null,"place":"","sent_with":"","missed_ms":null,"doubted_ms":null}','b691e100-3a4b-44c6-b572-a6be2d12d2e6',1795000060000,1795086460000,'',NULL,NULL,'48fcdcb1-72a7-42fa-9eb6-ec5d16d465b6',9);
CREATE TABLE conversations (
        id TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        flow TEXT NOT NULL,
        facts TEXT NOT NULL,
        journal TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
        version BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        serial INTEGER NOT NULL,
        wrong INTEGER NOT NULL,
        page INTEGER NOT NULL,
        offering SMALLINT NOT NULL CHECK (offering IN (0, 1)),
        dropped_ms BIGINT,
        order_id TEXT,
        message_ref TEXT NOT NULL,
        holder TEXT NOT NULL
    );
INSERT INTO "conversations" VALUES('47cabf14-6943-48e2-94f1-ac3f4bad417d','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009','main','{"channel":"ussd","region":"GH","msisdn":"+233240000009","language":"en","languages":["en","fr"],"staff":true,"linked":[],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"confirm pay/confirm yes no","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"pay"},{"kind":"look","key":"pay/recents","value":[]},{"kind":"ask","key":"pay/merchant","value":"1001"},{"kind":"look","key":"pay/card","value":{"id":"4b458634-52ac-4759-8f5e-9568aecfb925","code":"1001","name":"Ama''s Kitchen","currency":"GHS","region":"GH","networks":[],"most_minor":null,"checks_holder":true,"debits":true,"amounts":{"least_minor":1,"most_minor":null,"step_minor":1},"numbers":{"regions":["GH"],"also":["+467331234"]}}},{"kind":"ask","key":"pay/amount","value":{"type":"money","amount_minor":60000,"currency":"GHS"}},{"kind":"ask","key":"pay/payer","value":"+233240000009"},{"kind":"look","key":"pay/holder","value":{"checked":true,"known":true,"active":true,"name":"Ama O.","limited":false}},{"kind":"look","key":"pay/debit","value":{"of":"","agreed":false,"stops":[]}},{"kind":"look","key":"pay/twin","value":""},{"kind":"confirm","key":"pay/confirm","value":"yes"},{"kind":"act","key":"pay/request","value":{"id":"dfc57838-e27b-4821-8c1b-ee3ed89a9bff","code":"5M1B54YN","state":"NEW","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"+233240000009","reason":null,"tries_left":3,"refused":"","unsure":false,"at_ms":1795000000000,"kind":"collection","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',2,1795000000000,1795000000000,1,0,0,0,NULL,NULL,'','9fadfe35-9638-417a-af2f-33634802055d');
INSERT INTO "conversations" VALUES('621ed6c4-9ff3-48cf-9898-6e03dd6aaa1d','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009','main','{"channel":"ussd","region":"GH","msisdn":"+233240000009","language":"en","languages":["en","fr"],"staff":true,"linked":["msisdn"],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"guard business/refund/pin","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"business"},{"kind":"look","key":"business/roles","value":[{"staff_id":"b691e100-3a4b-44c6-b572-a6be2d12d2e6","merchant":"Ama''s Kitchen","role":"owner","pin":true,"locked":false,"offers":["look_up","note","balance","refund","pay_out","withdraw","invoice","charge","details","approve","unlock","deposit","pin"],"currency":"GHS","region":"GH","networks":[],"debits":true,"amounts":{},"numbers":{"regions":["GH"],"also":["+467331234"]}}]},{"kind":"choose","key":"business/menu","value":"refund"},{"kind":"ask","key":"business/refund/code","value":"5M1B54YN"},{"kind":"look","key":"business/refund/payment","value":{"order":{"id":"dfc57838-e27b-4821-8c1b-ee3ed89a9bff","code":"5M1B54YN","state":"SUCCESSFUL","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"+233240000009","reason":null,"tries_left":0,"refused":"","unsure":false,"at_ms":1795000000000,"kind":"collection","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false},"refundable":{"type":"money","amount_minor":60000,"currency":"GHS"},"can_note":true}},{"kind":"choose","key":"business/refund/how","value":"all"},{"kind":"confirm","key":"business/refund/confirm","value":"yes"},{"kind":"guard","key":"business/refund/pin","value":{"refused":"","tries_left":0}},{"kind":"act","key":"business/refund/request","value":{"id":"7753bbb7-b26b-4153-b498-f3565d746409","code":"WBZV9B6W","state":"NEW","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"","reason":null,"tries_left":0,"refused":"","unsure":false,"at_ms":1795000060000,"kind":"refund","payee":"+233240000009","waits":true,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',5,1795000060000,1795000060000,4,0,0,0,NULL,NULL,'','07cbce58-a2ee-4177-8e93-8f1b0783fa36');
INSERT INTO "conversations" VALUES('48fcdcb1-72a7-42fa-9eb6-ec5d16d465b6','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009','main','{"channel":"ussd","region":"GH","msisdn":"+233240000009","language":"en","languages":["en","fr"],"staff":true,"linked":["msisdn"],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"guard business/pay_out/pin","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"business"},{"kind":"look","key":"business/roles","value":[{"staff_id":"b691e100-3a4b-44c6-b572-a6be2d12d2e6","merchant":"Ama''s Kitchen","role":"owner","pin":true,"locked":false,"offers":["look_up","note","balance","refund","pay_out","withdraw","invoice","charge","details","approve","unlock","deposit","pin"],"currency":"GHS","region":"GH","networks":[],"debits":true,"amounts":{},"numbers":{"regions":["GH"],"also":["+467331234"]}}]},{"kind":"choose","key":"business/menu","value":"pay_out"},{"kind":"look","key":"business/pay_out/banks","value":[]},{"kind":"ask","key":"business/pay_out/number","value":"+233240000002"},{"kind":"look","key":"business/pay_out/holder","value":{"checked":true,"known":true,"active":true,"name":"Kwame B.","limited":false}},{"kind":"ask","key":"business/pay_out/amount","value":{"type":"money","amount_minor":60000,"currency":"GHS"}},{"kind":"confirm","key":"business/pay_out/confirm","value":"yes"},{"kind":"guard","key":"business/pay_out/pin","value":{"refused":"","tries_left":0}},{"kind":"act","key":"business/pay_out/request","value":{"id":"361ec523-6b69-42ac-9a08-10e4b56b3f15","code":"AXB98ANF","state":"NEW","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"","reason":null,"tries_left":0,"refused":"","unsure":false,"at_ms":1795000060000,"kind":"transfer","payee":"+233240000002","waits":true,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',7,1795000060000,1795000060000,4,0,0,0,NULL,NULL,'','b1756edb-d161-413a-816e-edb580c22f85');
INSERT INTO "conversations" VALUES('541142e6-cb3f-43a3-9e96-50f0a66d1a3d','155f0fb8-8942-4334-8f2f-61ea982815ee','msisdn','+233240000007','main','{"channel":"ussd","region":"GH","msisdn":"+233240000007","language":"en","languages":["en","fr"],"staff":true,"linked":[],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"guard business/approve/pin","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"business"},{"kind":"look","key":"business/roles","value":[{"staff_id":"82bcc6eb-8af5-48ac-ace6-d4c6957f0f49","merchant":"Ama''s Kitchen","role":"accountant","pin":true,"locked":false,"offers":["look_up","note","balance","refund","pay_out","withdraw","invoice","charge","details","approve","deposit","pin"],"currency":"GHS","region":"GH","networks":[],"debits":true,"amounts":{},"numbers":{"regions":["GH"],"also":["+467331234"]}}]},{"kind":"choose","key":"business/menu","value":"approve"},{"kind":"guard","key":"business/approve/pin","value":{"refused":"","tries_left":0}},{"kind":"look","key":"business/approve/waiting","value":[{"id":"71f58516-da2a-4bbf-8d31-b60280615c60","kind":"transfer","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"to":"+233240000002","asked_by":"Ama","about":"","at_ms":1795000060000},{"id":"77e8492a-0330-4c3e-b551-45902b1eb84f","kind":"refund","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"to":"+233240000009","asked_by":"Ama","about":"5M1B54YN","at_ms":1795000060000}]},{"kind":"choose","key":"business/approve/which","value":"77e8492a-0330-4c3e-b551-45902b1eb84f"},{"kind":"choose","key":"business/approve/decide","value":"refuse"},{"kind":"confirm","key":"business/approve/confirm","value":"yes"},{"kind":"guard","key":"business/approve/pin","value":{"refused":"","tries_left":0}},{"kind":"act","key":"business/approve/decision","value":{"id":"","code":"","state":"FAILED","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"","reason":null,"tries_left":0,"refused":"declined","unsure":false,"at_ms":0,"kind":"refund","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',7,1795000060000,1795000060000,5,0,0,0,NULL,NULL,'','f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1');
INSERT INTO "conversations" VALUES('0b664c94-3b18-4427-baff-0cd119fd2e74','20e73b71-6138-4cbf-b832-d97a7f7f8294','msisdn','+233240000001','main','{"channel":"ussd","region":"GH","msisdn":"+233240000001","language":"en","languages":["en","fr"],"staff":false,"linked":[],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"confirm pay/confirm yes no","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"pay"},{"kind":"look","key":"pay/recents","value":[]},{"kind":"ask","key":"pay/merchant","value":"1001"},{"kind":"look","key":"pay/card","value":{"id":"4b458634-52ac-4759-8f5e-9568aecfb925","code":"1001","name":"Ama''s Kitchen","currency":"GHS","region":"GH","networks":[],"most_minor":null,"checks_holder":true,"debits":true,"amounts":{"least_minor":1,"most_minor":null,"step_minor":1},"numbers":{"regions":["GH"],"also":["+467331234"]}}},{"kind":"ask","key":"pay/amount","value":{"type":"money","amount_minor":5000,"currency":"GHS"}},{"kind":"ask","key":"pay/payer","value":"+233240000001"},{"kind":"look","key":"pay/holder","value":{"checked":true,"known":true,"active":true,"name":"Efua M.","limited":false}},{"kind":"look","key":"pay/debit","value":{"of":"","agreed":false,"stops":[]}},{"kind":"look","key":"pay/twin","value":""},{"kind":"confirm","key":"pay/confirm","value":"yes"},{"kind":"act","key":"pay/request","value":{"id":"0af1f4c5-9cce-4fa2-b28d-f21f81249bf1","code":"VVZ119F1","state":"NEW","amount":{"type":"money","amount_minor":5000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"+233240000001","reason":null,"tries_left":3,"refused":"","unsure":false,"at_ms":1795000060000,"kind":"collection","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',2,1795000060000,1795000060000,1,0,0,0,NULL,NULL,'','dc5b8fc6-2873-4c13-806f-56e3ec6294df');
INSERT INTO "conversations" VALUES('1463fc1b-b328-41f1-b2ca-55f2bd8e41d8','a774d1c4-317e-492d-9e57-a7a976e06b0e','msisdn','+233240000002','main','{"channel":"ussd","region":"GH","msisdn":"+233240000002","language":"en","languages":["en","fr"],"staff":false,"linked":[],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"secret pay/otp","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"pay"},{"kind":"look","key":"pay/recents","value":[]},{"kind":"ask","key":"pay/merchant","value":"1002"},{"kind":"look","key":"pay/card","value":{"id":"0a52a933-5cfd-4c5d-8216-f83baab1cec9","code":"1002","name":"Kofi Books","currency":"GHS","region":"GH","networks":["MTN","ATL","VOD"],"most_minor":null,"checks_holder":false,"debits":false,"amounts":{"least_minor":1,"most_minor":null,"step_minor":1},"numbers":{"regions":["GH"],"also":[]}}},{"kind":"ask","key":"pay/amount","value":{"type":"money","amount_minor":800,"currency":"GHS"}},{"kind":"ask","key":"pay/payer","value":"+233240000002"},{"kind":"choose","key":"pay/network","value":"MTN"},{"kind":"look","key":"pay/twin","value":""},{"kind":"confirm","key":"pay/confirm","value":"yes"},{"kind":"act","key":"pay/request","value":{"id":"6ed2ecac-5c7f-4b5a-89a6-7d9f492758fe","code":"8M4YTXPW","state":"NEEDS_OTP","amount":{"type":"money","amount_minor":800,"currency":"GHS"},"merchant":"Kofi Books","payer":"+233240000002","reason":null,"tries_left":3,"refused":"","unsure":false,"at_ms":1795000060000,"kind":"collection","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','active',3,1795000060000,1795000060000,3,0,0,0,NULL,NULL,'','7b13d013-192a-4691-8a17-e95554a7eff4');
INSERT INTO "conversations" VALUES('9aefb9bd-e568-43b4-a080-28393a87d491','723b46f3-a80c-47db-8474-a900686d2481','msisdn','+254700000001','main','{"channel":"ussd","region":"GH","msisdn":"+254700000001","language":"en","languages":["en","fr"],"staff":false,"linked":[],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"ask pay/amount","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"pay"},{"kind":"look","key":"pay/recents","value":[]},{"kind":"ask","key":"pay/merchant","value":"1003"},{"kind":"look","key":"pay/card","value":{"id":"55fdd2b9-0189-47cb-9472-1ae079387433","code":"1003","name":"Duka la Mama","currency":"KES","region":"KE","networks":["mpesa"],"most_minor":500000,"checks_holder":false,"debits":false,"amounts":{"least_minor":100,"most_minor":null,"step_minor":100},"numbers":{"regions":["KE"],"also":[]}}}]','active',1,1795000060000,1795000060000,2,0,0,0,NULL,NULL,'','a1f1ad6f-1fce-4539-ac16-2c03634f7259');
INSERT INTO "conversations" VALUES('73414999-32af-43be-9287-59c19be19ab0','20e73b71-6138-4cbf-b832-d97a7f7f8294','msisdn','+233240000001','main','{"channel":"ussd","region":"GH","msisdn":"+233240000001","language":"en","languages":["en","fr"],"staff":false,"linked":["msisdn"],"short_code":"*920*10#","order_id":"","offers":["preapproval","invoice","bill"],"asked":"confirm pay/confirm yes no","notice":null,"behind":[]}','[{"kind":"choose","key":"menu","value":"pay"},{"kind":"look","key":"pay/recents","value":[]},{"kind":"ask","key":"pay/merchant","value":"1001"},{"kind":"look","key":"pay/card","value":{"id":"4b458634-52ac-4759-8f5e-9568aecfb925","code":"1001","name":"Ama''s Kitchen","currency":"GHS","region":"GH","networks":[],"most_minor":null,"checks_holder":true,"debits":true,"amounts":{"least_minor":1,"most_minor":null,"step_minor":1},"numbers":{"regions":["GH"],"also":["+467331234"]}}},{"kind":"ask","key":"pay/amount","value":{"type":"money","amount_minor":3000,"currency":"GHS"}},{"kind":"ask","key":"pay/payer","value":"+233240000001"},{"kind":"look","key":"pay/holder","value":{"checked":true,"known":true,"active":true,"name":"Efua M.","limited":false}},{"kind":"look","key":"pay/debit","value":{"of":"","agreed":false,"stops":[]}},{"kind":"look","key":"pay/twin","value":""},{"kind":"confirm","key":"pay/confirm","value":"yes"},{"kind":"act","key":"pay/request","value":{"id":"5a98b500-13ad-4fad-bc9e-bc5541e53018","code":"DBETF5EV","state":"NEW","amount":{"type":"money","amount_minor":3000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":"+233240000001","reason":null,"tries_left":3,"refused":"","unsure":false,"at_ms":1795000060000,"kind":"collection","payee":"","waits":false,"most":null,"bill":"","collected":false,"given_back":false,"unasked":false}}]','ended',2,1795000060000,1795000060000,1,0,0,0,NULL,NULL,'','362821bf-08c5-46dd-b595-7f56c7057f48');
CREATE TABLE inbox (
        source TEXT NOT NULL,
        update_id BIGINT NOT NULL,
        chat TEXT NOT NULL,
        body BYTEA,
        received_ms BIGINT NOT NULL,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        fence BIGINT NOT NULL,
        due_ms BIGINT NOT NULL DEFAULT 0,
        lease_until_ms BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (source, update_id)
    );
CREATE TABLE incidents (
        id TEXT NOT NULL PRIMARY KEY,
        dedupe_key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        order_id TEXT,
        text TEXT NOT NULL,
        at_ms BIGINT NOT NULL
    );
CREATE TABLE learned (
        place TEXT NOT NULL,
        keys TEXT NOT NULL,
        fact TEXT NOT NULL CHECK (fact <> ''),
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (place, keys, fact)
    );
CREATE TABLE link_codes (
        hash TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        msisdn TEXT NOT NULL,
        expires_ms BIGINT NOT NULL,
        used_ms BIGINT
    );
CREATE TABLE marks (
        id SMALLINT NOT NULL PRIMARY KEY,
        token TEXT NOT NULL,
        serial BIGINT NOT NULL,
        seen_ms BIGINT NOT NULL
    );
INSERT INTO "marks" VALUES(1,'da95388e95a74f59c6bdb70f5d8df7ba',5,1795000060000);
CREATE TABLE merchants (
        id TEXT NOT NULL PRIMARY KEY,
        code TEXT NOT NULL CHECK (code <> ''),
        name TEXT NOT NULL,
        connection TEXT NOT NULL,
        currency TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        active SMALLINT NOT NULL CHECK (active IN (0, 1)),
        max_amount_minor BIGINT CHECK (max_amount_minor > 0)
    , approve_over_minor BIGINT, approve_asker_over_minor BIGINT);
INSERT INTO "merchants" VALUES('4b458634-52ac-4759-8f5e-9568aecfb925','1001','Ama''s Kitchen','momo-ghana','GHS',1795000000000,1,NULL,50000,NULL);
INSERT INTO "merchants" VALUES('0a52a933-5cfd-4c5d-8216-f83baab1cec9','1002','Kofi Books','startbutton-ghs','GHS',1795000000000,1,NULL,50000,NULL);
INSERT INTO "merchants" VALUES('55fdd2b9-0189-47cb-9472-1ae079387433','1003','Duka la Mama','startbutton-kes','KES',1795000000000,1,500000,50000,NULL);
CREATE TABLE messages (
        id TEXT NOT NULL PRIMARY KEY,
        dedupe_key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        person_id TEXT NOT NULL,
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        view TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dead', 'dropped')),
        created_ms BIGINT NOT NULL,
        due_ms BIGINT NOT NULL,
        order_id TEXT,
        conversation_id TEXT,
        edits TEXT NOT NULL,
        sent_ref TEXT NOT NULL,
        sent_ms BIGINT,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL,
        error TEXT NOT NULL,
        urgency SMALLINT NOT NULL,
        seq BIGINT NOT NULL, thread TEXT NOT NULL DEFAULT '',
        CHECK ((state = 'sent') = (sent_ms IS NOT NULL)),
        CHECK (state = 'queued' OR lease_until_ms = 0)
    );
INSERT INTO "messages" VALUES('f68bf63d-5a51-4a88-9dcf-020deffba470','result:dfc57838-e27b-4821-8c1b-ee3ed89a9bff:SUCCESSFUL:msisdn:+233240000009','result','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009','{"text":{"type":"text","id":"result.successful","values":{"code":"5M1B54YN","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"merchant":"Ama''s Kitchen","payer":{"type":"number","msisdn":"+233240000009","masked":true},"payee":{"type":"number","msisdn":"+233240000009","masked":true},"reason":{"type":"text","id":"reason.other","values":{}},"bill":""}},"notice":null,"choices":[],"back":false,"home":false,"ends":true,"serial":0,"wants":"text","order_id":"dfc57838-e27b-4821-8c1b-ee3ed89a9bff","final":false,"page":0,"conversation":""}','sent',1795000000000,1795000000000,'dfc57838-e27b-4821-8c1b-ee3ed89a9bff',NULL,'','ATXid_1',1795000000000,1,1,0,'',0,1,'');
INSERT INTO "messages" VALUES('f447a871-9708-4d52-ae68-bd16d5c9f527','decided:77e8492a-0330-4c3e-b551-45902b1eb84f:msisdn:+233240000009','prompt','22055cde-3558-46ee-921b-98f65e77a75e','msisdn','+233240000009','{"text":{"type":"text","id":"approval.decided.no","values":{"merchant":"Ama''s Kitchen","amount":{"type":"money","amount_minor":60000,"currency":"GHS"},"to":{"type":"number","msisdn":"+233240000009","masked":true},"kind":{"type":"text","id":"kind.refund","values":{}},"by":"Adwoa"}},"notice":null,"choices":[],"back":false,"home":false,"ends":true,"serial":0,"wants":"text","order_id":null,"final":false,"page":0,"conversation":""}','sent',1795000060000,1795000060000,NULL,NULL,'','ATXid_2',1795000060000,1,1,0,'',2,2,'');
CREATE TABLE orders (
        id TEXT NOT NULL PRIMARY KEY,
        code TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('NEW', 'PENDING', 'NEEDS_OTP', 'UNRESOLVED', 'SUCCESSFUL', 'FAILED', 'REVERSED')),
        connection TEXT NOT NULL,
        merchant_id TEXT NOT NULL,
        person_id TEXT NOT NULL REFERENCES people (id),
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        payer TEXT NOT NULL,
        reference TEXT NOT NULL UNIQUE,
        origin_channel TEXT NOT NULL,
        origin_kind TEXT NOT NULL,
        origin_value TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        version BIGINT NOT NULL,
        conversation_id TEXT,
        act_position INTEGER,
        network TEXT NOT NULL,
        note TEXT NOT NULL,
        provider_reference TEXT NOT NULL,
        financial_id TEXT NOT NULL,
        reason TEXT,
        provider_code TEXT NOT NULL,
        sent_ms BIGINT,
        accepted_ms BIGINT,
        otp_tries INTEGER NOT NULL CHECK (otp_tries >= 0),
        otp_expires_ms BIGINT,
        due_ms BIGINT,
        asks INTEGER NOT NULL CHECK (asks >= 0),
        asked_ms BIGINT,
        deadline_ms BIGINT,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        hinted_by TEXT,
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL,
        pending_ref TEXT NOT NULL,
        parent_id TEXT REFERENCES orders (id),
        reference_key TEXT NOT NULL UNIQUE,
        hint_ms BIGINT,
        hint_spacing_ms BIGINT, payee TEXT NOT NULL DEFAULT '', terms TEXT NOT NULL DEFAULT '{}', agreement_id TEXT, staff_id TEXT NOT NULL DEFAULT '', approved_by TEXT NOT NULL DEFAULT '', follows_id TEXT, restored_ms BIGINT, place TEXT NOT NULL DEFAULT '', sent_with TEXT NOT NULL DEFAULT '', missed_ms BIGINT, doubted_ms BIGINT,
        UNIQUE (conversation_id, act_position),
        CHECK (act_position IS NULL OR conversation_id IS NOT NULL),
        CHECK (amount_minor > 0 OR (amount_minor = 0 AND kind IN ('preapproval', 'invoice_cancel'))),
        CHECK (state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED')
            OR (due_ms IS NULL AND hint_ms IS NULL AND lease_until_ms = 0)),
        CHECK (state IN ('SUCCESSFUL', 'FAILED', 'REVERSED') OR due_ms IS NOT NULL),
        CHECK ((kind = 'refund') = (parent_id IS NOT NULL)),
        CHECK (state <> 'NEW' OR (sent_ms IS NULL AND accepted_ms IS NULL)),
        CHECK (state <> 'SUCCESSFUL' OR reason IS NULL)
    );
INSERT INTO "orders" VALUES('dfc57838-e27b-4821-8c1b-ee3ed89a9bff','5M1B54YN','collection','SUCCESSFUL','momo-ghana','4b458634-52ac-4759-8f5e-9568aecfb925','22055cde-3558-46ee-921b-98f65e77a75e',60000,'GHS','+233240000009','834431d5-3ad7-406c-b782-2c7053d8892b','ussd','msisdn','+233240000009',1795000000000,1795000000000,3,'47cabf14-6943-48e2-94f1-ac3f4bad417d',10,'','Ama''s Kitchen','','730000001',NULL,'SUCCESSFUL',1795000000000,1795000000000,0,NULL,NULL,1,1795000000000,1795003600000,0,NULL,2,0,'',NULL,'834431d53ad7406cb7822c7053d8892b',NULL,NULL,'','{}',NULL,'','',NULL,NULL,'momo http://sandbox.example mtnghana','f65936a2a9c014ee3dee2c53f30ebaf3',NULL,NULL);
INSERT INTO "orders" VALUES('0af1f4c5-9cce-4fa2-b28d-f21f81249bf1','VVZ119F1','collection','PENDING','momo-ghana','4b458634-52ac-4759-8f5e-9568aecfb925','20e73b71-6138-4cbf-b832-d97a7f7f8294',5000,'GHS','+233240000001','9712a388-2e21-43b0-bfd2-aca5b441e33c','ussd','msisdn','+233240000001',1795000060000,1795000060000,2,'0b664c94-3b18-4427-baff-0cd119fd2e74',10,'','Ama''s Kitchen','','',NULL,'',1795000060000,1795000060000,0,NULL,1795000063000,0,NULL,1795003660000,0,NULL,1,0,'',NULL,'9712a3882e2143b0bfd2aca5b441e33c',NULL,NULL,'','{}',NULL,'','',NULL,NULL,'momo http://sandbox.example mtnghana','f65936a2a9c014ee3dee2c53f30ebaf3',NULL,NULL);
INSERT INTO "orders" VALUES('6ed2ecac-5c7f-4b5a-89a6-7d9f492758fe','8M4YTXPW','collection','NEEDS_OTP','startbutton-ghs','0a52a933-5cfd-4c5d-8216-f83baab1cec9','a774d1c4-317e-492d-9e57-a7a976e06b0e',800,'GHS','+233240000002','a7dada80-e351-4c5b-a1d3-2be5d72d373f','ussd','msisdn','+233240000002',1795000060000,1795000060000,2,'1463fc1b-b328-41f1-b2ca-55f2bd8e41d8',9,'MTN','Kofi Books','30db8906e550','',NULL,'',1795000060000,1795000060000,0,1795000660000,1795000660000,0,NULL,1795004560000,0,NULL,1,0,'',NULL,'a7dada80e3514c5ba1d32be5d72d373f',NULL,NULL,'','{}',NULL,'','',NULL,NULL,'startbutton http://sandbox.example','4ada42631712fb2453878b12cdbbbb06',NULL,NULL);
INSERT INTO "orders" VALUES('5a98b500-13ad-4fad-bc9e-bc5541e53018','DBETF5EV','collection','NEW','momo-ghana','4b458634-52ac-4759-8f5e-9568aecfb925','20e73b71-6138-4cbf-b832-d97a7f7f8294',3000,'GHS','+233240000001','7e00a2aa-7e34-42b3-8079-59a0e89b98d7','ussd','msisdn','+233240000001',1795000060000,1795000060000,0,'73414999-32af-43be-9287-59c19be19ab0',10,'','Ama''s Kitchen','','',NULL,'',NULL,NULL,0,NULL,0,0,NULL,NULL,0,NULL,0,0,'',NULL,'7e00a2aa7e3442b3807959a0e89b98d7',NULL,NULL,'','{}',NULL,'','',NULL,NULL,'','',NULL,NULL);
CREATE TABLE people (
        id TEXT NOT NULL PRIMARY KEY,
        language TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        language_chosen SMALLINT NOT NULL CHECK (language_chosen IN (0, 1))
    );
INSERT INTO "people" VALUES('22055cde-3558-46ee-921b-98f65e77a75e','en',1795000000000,0);
INSERT INTO "people" VALUES('155f0fb8-8942-4334-8f2f-61ea982815ee','en',1795000060000,0);
INSERT INTO "people" VALUES('20e73b71-6138-4cbf-b832-d97a7f7f8294','en',1795000060000,0);
INSERT INTO "people" VALUES('a774d1c4-317e-492d-9e57-a7a976e06b0e','en',1795000060000,0);
INSERT INTO "people" VALUES('723b46f3-a80c-47db-8474-a900686d2481','en',1795000060000,0);
CREATE TABLE places (
        connection TEXT NOT NULL PRIMARY KEY,
        place TEXT NOT NULL CHECK (place <> ''),
        keys TEXT NOT NULL
    );
CREATE TABLE probes (id SMALLINT NOT NULL PRIMARY KEY, serial BIGINT NOT NULL);
INSERT INTO "probes" VALUES(1,0);
CREATE TABLE rechecks (
        order_id TEXT NOT NULL PRIMARY KEY REFERENCES orders (id),
        source TEXT NOT NULL CHECK (source IN ('callback', 'webhook', 'poll')),
        said TEXT,
        since_ms BIGINT NOT NULL,
        due_ms BIGINT NOT NULL,
        tries INTEGER NOT NULL CHECK (tries >= 0),
        news INTEGER NOT NULL CHECK (news > 0),
        fence BIGINT NOT NULL
    );
CREATE TABLE restores (
        id TEXT NOT NULL PRIMARY KEY,
        since_ms BIGINT NOT NULL,
        noticed_ms BIGINT NOT NULL
    );
CREATE TABLE sessions (
        id TEXT NOT NULL PRIMARY KEY,
        gateway TEXT NOT NULL,
        session_id TEXT NOT NULL,
        msisdn TEXT NOT NULL,
        generation INTEGER NOT NULL,
        conversation_id TEXT,
        open SMALLINT NOT NULL CHECK (open IN (0, 1)),
        started_ms BIGINT NOT NULL,
        last_ms BIGINT NOT NULL,
        text_length INTEGER NOT NULL,
        text_hash TEXT NOT NULL,
        first_key TEXT NOT NULL,
        turns INTEGER NOT NULL,
        UNIQUE (gateway, session_id, msisdn, generation)
    );
INSERT INTO "sessions" VALUES('9fadfe35-9638-417a-af2f-33634802055d','africastalking','ATUid_e2ebccfab3ac41a591b57faa2817d4e3','+233240000009',1,'47cabf14-6943-48e2-94f1-ac3f4bad417d',0,1795000000000,1795000000000,10,'b495a4d3633eb0f1d23dca08ecbbfd04','8:b550b09743bc451aa8d1a8f81205039b',3);
INSERT INTO "sessions" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','africastalking','ATUid_049f5ddb9cb74b96adebe3fb5f719412','+233240000009',1,'621ed6c4-9ff3-48cf-9898-6e03dd6aaa1d',0,1795000060000,1795000060000,21,'e10d19fc8bde5a97923f06c9df400646','3:dd92dc3a037560b5819f30a3c150a7d9',6);
INSERT INTO "sessions" VALUES('b1756edb-d161-413a-816e-edb580c22f85','africastalking','ATUid_bbb0363b8869475084cf4c356cd290e6','+233240000009',1,'48fcdcb1-72a7-42fa-9eb6-ec5d16d465b6',0,1795000060000,1795000060000,25,'9c372ebd1c95fb02d40e600fa6581dab','3:fb9b65d44c28b346c621e34b718d26b3',8);
INSERT INTO "sessions" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','africastalking','ATUid_6d0c609370c64505b718abc4b9985b6c','+233240000007',1,'541142e6-cb3f-43a3-9e96-50f0a66d1a3d',0,1795000060000,1795000060000,19,'a33ae5ee90d84f5c9f54fcc03767d5d6','3:2076467b53ecc3e09371b0dc94c034c0',8);
INSERT INTO "sessions" VALUES('dc5b8fc6-2873-4c13-806f-56e3ec6294df','africastalking','ATUid_ca2b30e4d8a942229f6e1d7c754d7884','+233240000001',1,'0b664c94-3b18-4427-baff-0cd119fd2e74',0,1795000060000,1795000060000,9,'af993d47c86b74355c4c313b9353178b','7:a2d1891ef3bfdaafe78644cb6963b99d',3);
INSERT INTO "sessions" VALUES('7b13d013-192a-4691-8a17-e95554a7eff4','africastalking','ATUid_726fc539ad7a4458b78862df3fbf929d','+233240000002',1,'1463fc1b-b328-41f1-b2ca-55f2bd8e41d8',0,1795000060000,1795000060000,10,'b64082cefffc583c4a95b908f3ab50bc','6:e0b7b6b2d337180063e4d5e8d272ee18',4);
INSERT INTO "sessions" VALUES('a1f1ad6f-1fce-4539-ac16-2c03634f7259','africastalking','ATUid_98a04896fc684f30a63698c88d7c08e0','+254700000001',1,'9aefb9bd-e568-43b4-a080-28393a87d491',1,1795000060000,1795000060000,6,'428638ce4babe3f20fed5b3f1bd88d98','1:41a5aea12c4bf018c88158f59ce68da5',2);
INSERT INTO "sessions" VALUES('362821bf-08c5-46dd-b595-7f56c7057f48','africastalking','ATUid_aa619338a7194ccaa692a8fa76d51d1b','+233240000001',1,'73414999-32af-43be-9287-59c19be19ab0',0,1795000060000,1795000060000,9,'e7f2adf80847242099c0ffc148377f57','7:7ec58311c44c58f9960d2bde7b40ebd6',3);
CREATE TABLE staff (
        id TEXT NOT NULL PRIMARY KEY,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        role TEXT NOT NULL,
        name TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        pin_hash TEXT NOT NULL,
        wrong_tries INTEGER NOT NULL CHECK (wrong_tries >= 0),
        locked SMALLINT NOT NULL CHECK (locked IN (0, 1)),
        enrol_hash TEXT NOT NULL,
        enrol_expires_ms BIGINT NOT NULL
    );
INSERT INTO "staff" VALUES('b691e100-3a4b-44c6-b572-a6be2d12d2e6','4b458634-52ac-4759-8f5e-9568aecfb925','owner','Ama',1795000000000,'msisdn','+233240000009','$argon2id$v=19$m=64,t=1,p=1$Zi0KoM0CkoWiPGsKokeBOw$wBPcTeUASQidLp3D0/3T6V3QgWMcLpLBrTOSKigq3BU',0,0,'',0);
INSERT INTO "staff" VALUES('2920b6f2-1093-4fc8-b591-77859a6c2c93','4b458634-52ac-4759-8f5e-9568aecfb925','cashier','Kojo',1795000000000,'msisdn','+233240000008','$argon2id$v=19$m=64,t=1,p=1$AS1JfHTAuXDRPqI5wCfVUA$3FbZLhdNpGDKBYzn+wbrVXopa6wqUZld7Rue1x8htlc',0,0,'',0);
INSERT INTO "staff" VALUES('82bcc6eb-8af5-48ac-ace6-d4c6957f0f49','4b458634-52ac-4759-8f5e-9568aecfb925','accountant','Adwoa',1795000000000,'msisdn','+233240000007','$argon2id$v=19$m=64,t=1,p=1$iN/Ye3qrEJdT5NVDPghB2g$k2De1+5Iw6PCqzUWZd8dBfF7Nuppdxzn00Zbv2aaITU',0,0,'',0);
CREATE TABLE switches (
        name TEXT NOT NULL PRIMARY KEY,
        is_off SMALLINT NOT NULL CHECK (is_off IN (0, 1)),
        who TEXT NOT NULL CHECK (who <> ''),
        reason TEXT NOT NULL,
        at_ms BIGINT NOT NULL
    );
CREATE TABLE transitions (
        order_id TEXT NOT NULL REFERENCES orders (id),
        seq INTEGER NOT NULL CHECK (seq > 0),
        held TEXT CHECK (held IN ('NEW', 'PENDING', 'NEEDS_OTP', 'UNRESOLVED', 'SUCCESSFUL', 'FAILED', 'REVERSED')),
        said TEXT NOT NULL CHECK (said IN ('NEW', 'PENDING', 'NEEDS_OTP', 'UNRESOLVED', 'SUCCESSFUL', 'FAILED', 'REVERSED')),
        source TEXT NOT NULL CHECK (source IN ('us', 'reply', 'callback', 'webhook', 'poll', 'payer', 'operator')),
        at_ms BIGINT NOT NULL,
        reason TEXT,
        provider_code TEXT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (order_id, seq),
        CHECK ((seq = 1) = (held IS NULL)),
        CHECK (held IS NOT NULL OR said = 'NEW'),
        CHECK (source <> 'operator' OR note <> ''),
        CHECK (
    held IS NULL
    OR (held = 'NEW' AND said IN ('PENDING', 'FAILED') AND source = 'us')
    OR (held = 'PENDING' AND said IN ('NEEDS_OTP', 'FAILED', 'UNRESOLVED') AND source <> 'operator')
    OR (held = 'NEEDS_OTP' AND said IN ('PENDING', 'FAILED') AND source <> 'operator')
    OR (held IN ('PENDING', 'NEEDS_OTP') AND said IN ('SUCCESSFUL', 'REVERSED') AND source IN ('reply', 'callback', 'webhook', 'poll'))
    OR (held = 'UNRESOLVED' AND said IN ('SUCCESSFUL', 'FAILED', 'REVERSED') AND (source IN ('reply', 'callback', 'webhook', 'poll') OR source = 'operator'))
    OR (held = 'SUCCESSFUL' AND said = 'REVERSED' AND source IN ('reply', 'callback', 'webhook', 'poll'))
    OR (held = 'FAILED' AND said = 'SUCCESSFUL' AND source = 'operator')
)
    );
INSERT INTO "transitions" VALUES('dfc57838-e27b-4821-8c1b-ee3ed89a9bff',1,NULL,'NEW','us',1795000000000,NULL,'','');
INSERT INTO "transitions" VALUES('dfc57838-e27b-4821-8c1b-ee3ed89a9bff',2,'NEW','PENDING','us',1795000000000,NULL,'','');
INSERT INTO "transitions" VALUES('dfc57838-e27b-4821-8c1b-ee3ed89a9bff',3,'PENDING','SUCCESSFUL','callback',1795000000000,NULL,'SUCCESSFUL','');
INSERT INTO "transitions" VALUES('0af1f4c5-9cce-4fa2-b28d-f21f81249bf1',1,NULL,'NEW','us',1795000060000,NULL,'','');
INSERT INTO "transitions" VALUES('0af1f4c5-9cce-4fa2-b28d-f21f81249bf1',2,'NEW','PENDING','us',1795000060000,NULL,'','');
INSERT INTO "transitions" VALUES('6ed2ecac-5c7f-4b5a-89a6-7d9f492758fe',1,NULL,'NEW','us',1795000060000,NULL,'','');
INSERT INTO "transitions" VALUES('6ed2ecac-5c7f-4b5a-89a6-7d9f492758fe',2,'NEW','PENDING','us',1795000060000,NULL,'','');
INSERT INTO "transitions" VALUES('6ed2ecac-5c7f-4b5a-89a6-7d9f492758fe',3,'PENDING','NEEDS_OTP','reply',1795000060000,NULL,'','');
INSERT INTO "transitions" VALUES('5a98b500-13ad-4fad-bc9e-bc5541e53018',1,NULL,'NEW','us',1795000060000,NULL,'','');
CREATE TABLE turns (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'done')),
        at_ms BIGINT NOT NULL,
        text TEXT NOT NULL,
        keep_open SMALLINT NOT NULL CHECK (keep_open IN (0, 1)),
        lease_until_ms BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (scope, key)
    );
INSERT INTO "turns" VALUES('9fadfe35-9638-417a-af2f-33634802055d','8:b550b09743bc451aa8d1a8f81205039b','done',1795000000000,'Pay GHS 600.00 to Ama''s Kitchen from 0240000009 (Ama O.)?
1 Yes, pay
2 No
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('9fadfe35-9638-417a-af2f-33634802055d','10:b495a4d3633eb0f1d23dca08ecbbfd04','done',1795000000000,'Approve GHS 600.00 to Ama''s Kitchen with your PIN on 0240000009. The result comes by SMS. Ref 5M1B54YN',0,0,2);
INSERT INTO "turns" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','3:dd92dc3a037560b5819f30a3c150a7d9','done',1795000060000,'Enter the reference of the payment to refund:
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','12:275be5ca413618633d09704c0a7ee78d','done',1795000060000,'GHS 600.00 from +233***009. Ref 5M1B54YN
Give back how much?
1 All: GHS 600.00
2 A part
0 Back
00 Home',1,0,2);
INSERT INTO "turns" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','14:2d19896194bdb6f273e7de83d5ad16e2','done',1795000060000,'Give back GHS 600.00 to +233***009 from Ama''s Kitchen? Ref 5M1B54YN
1 Yes
2 No
0 Back
00 Home',1,0,3);
INSERT INTO "turns" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','16:4fbe4def0c88c2656ada38c770fe2a1d','done',1795000060000,'Ama''s Kitchen
Enter your staff PIN (not your wallet PIN):
0 Back
00 Home',1,0,4);
INSERT INTO "turns" VALUES('07cbce58-a2ee-4177-8e93-8f1b0783fa36','21:e10d19fc8bde5a97923f06c9df400646','done',1795000060000,'Noted: refund, GHS 600.00 to +233***009. A colleague must approve it within a day; we tell you when it is decided.',0,0,5);
INSERT INTO "turns" VALUES('b1756edb-d161-413a-816e-edb580c22f85','3:fb9b65d44c28b346c621e34b718d26b3','done',1795000060000,'Enter the wallet number that gets the money:
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('b1756edb-d161-413a-816e-edb580c22f85','14:8f4ce5ff0d5b34367febaf2f7726d845','done',1795000060000,'Amount to send (GHS):
0 Back
00 Home',1,0,2);
INSERT INTO "turns" VALUES('b1756edb-d161-413a-816e-edb580c22f85','18:ef0277eace90c0c99728a7c4ed498968','done',1795000060000,'Send GHS 600.00 of Ama''s Kitchen to 0240000002 (Kwame B.)?
1 Yes
2 No
0 Back
00 Home',1,0,3);
INSERT INTO "turns" VALUES('b1756edb-d161-413a-816e-edb580c22f85','20:6704768588efb29e98caf04fcd8c0fa7','done',1795000060000,'Ama''s Kitchen
Enter your staff PIN (not your wallet PIN):
0 Back
00 Home',1,0,4);
INSERT INTO "turns" VALUES('b1756edb-d161-413a-816e-edb580c22f85','25:9c372ebd1c95fb02d40e600fa6581dab','done',1795000060000,'Noted: transfer, GHS 600.00 to 0240000002. A colleague must approve it within a day; we tell you when it is decided.',0,0,5);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','3:2076467b53ecc3e09371b0dc94c034c0','done',1795000060000,'Ama''s Kitchen
Enter your staff PIN (not your wallet PIN):
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','8:6d5198be10ad605b5293c9b929a1689d','done',1795000060000,'Waiting for approval:
1 transfer GHS 600.00, Ama
2 refund GHS 600.00, Ama
0 Back
00 Home',1,0,2);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','10:eeaa8e505f649f9c8b73ad32f9e3c072','done',1795000060000,'Ama asks: refund, GHS 600.00 to +233***009, for payment 5M1B54YN.
1 Approve
2 Refuse
3 Later
0 Back
00 Home',1,0,3);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','12:56b6a57a024e8737d9706127d7cd7046','done',1795000060000,'Refuse: refund, GHS 600.00 to +233***009, asked for by Ama?
1 Yes
2 No
0 Back
00 Home',1,0,4);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','14:98958ac730824a4fbce031bfb8c153c1','done',1795000060000,'Ama''s Kitchen
Enter your staff PIN (not your wallet PIN):
0 Back
00 Home',1,0,5);
INSERT INTO "turns" VALUES('f2c29f86-cb9d-4aae-a7ee-c6c7448ad0e1','19:a33ae5ee90d84f5c9f54fcc03767d5d6','done',1795000060000,'Refused, and Ama is told: refund, GHS 600.00 to +233***009.',0,0,6);
INSERT INTO "turns" VALUES('dc5b8fc6-2873-4c13-806f-56e3ec6294df','7:a2d1891ef3bfdaafe78644cb6963b99d','done',1795000060000,'Pay GHS 50.00 to Ama''s Kitchen from 0240000001 (Efua M.)?
1 Yes, pay
2 No
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('dc5b8fc6-2873-4c13-806f-56e3ec6294df','9:af993d47c86b74355c4c313b9353178b','done',1795000060000,'Approve GHS 50.00 to Ama''s Kitchen with your PIN on 0240000001. The result comes by SMS. Ref VVZ119F1',0,0,2);
INSERT INTO "turns" VALUES('7b13d013-192a-4691-8a17-e95554a7eff4','6:e0b7b6b2d337180063e4d5e8d272ee18','done',1795000060000,'Which network?
1 MTN
2 AirtelTigo
3 Telecel (Vodafone)
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('7b13d013-192a-4691-8a17-e95554a7eff4','8:651e7e7d92823210d8c8da3b0d1560d4','done',1795000060000,'Pay GHS 8.00 to Kofi Books from 0240000002?
1 Yes, pay
2 No
0 Back
00 Home',1,0,2);
INSERT INTO "turns" VALUES('7b13d013-192a-4691-8a17-e95554a7eff4','10:b64082cefffc583c4a95b908f3ab50bc','done',1795000060000,'Enter the code sent by SMS to 0240000002 to pay GHS 8.00 to Kofi Books:
00 Home',1,0,3);
INSERT INTO "turns" VALUES('a1f1ad6f-1fce-4539-ac16-2c03634f7259','1:41a5aea12c4bf018c88158f59ce68da5','done',1795000060000,'Enter the merchant code:
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('a1f1ad6f-1fce-4539-ac16-2c03634f7259','6:428638ce4babe3f20fed5b3f1bd88d98','done',1795000060000,'Duka la Mama
Amount (KES):
0 Back
00 Home',1,0,2);
INSERT INTO "turns" VALUES('362821bf-08c5-46dd-b595-7f56c7057f48','7:7ec58311c44c58f9960d2bde7b40ebd6','done',1795000060000,'Pay GHS 30.00 to Ama''s Kitchen from 0240000001 (Efua M.)?
1 Yes, pay
2 No
0 Back
00 Home',1,0,1);
INSERT INTO "turns" VALUES('362821bf-08c5-46dd-b595-7f56c7057f48','9:e7f2adf80847242099c0ffc148377f57','done',1795000060000,'Approve GHS 30.00 to Ama''s Kitchen with your PIN on 0240000001. The result comes by SMS. Ref DBETF5EV',0,0,2);
CREATE TABLE uses (
        bucket TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        uses INTEGER NOT NULL CHECK (uses > 0),
        ends_ms BIGINT NOT NULL,
        PRIMARY KEY (bucket, at_ms)
    );
INSERT INTO "uses" VALUES('holder:22055cde-3558-46ee-921b-98f65e77a75e',1795000000000,1,1795003600000);
INSERT INTO "uses" VALUES('holder:e4bbfbd2fddfd6cab07a7b093562cbb5',1795000000000,1,1795003600000);
INSERT INTO "uses" VALUES('holder:22055cde-3558-46ee-921b-98f65e77a75e',1795000060000,1,1795003660000);
INSERT INTO "uses" VALUES('holder:de536d1669b025527146eb405a776bd4',1795000060000,1,1795003660000);
INSERT INTO "uses" VALUES('holder:20e73b71-6138-4cbf-b832-d97a7f7f8294',1795000060000,2,1795003660000);
INSERT INTO "uses" VALUES('holder:7d9171ab6b80a0f1155bba9f29661d1e',1795000060000,2,1795003660000);
CREATE TABLE webhooks (
        id TEXT NOT NULL PRIMARY KEY,
        connection TEXT NOT NULL,
        event TEXT NOT NULL,
        provider_reference TEXT NOT NULL,
        reference TEXT NOT NULL,
        received_ms BIGINT NOT NULL,
        UNIQUE (connection, event, provider_reference, reference)
    );
CREATE UNIQUE INDEX addresses_one_live_owner ON addresses (kind, value) WHERE ended_ms IS NULL;
CREATE INDEX addresses_of_person ON addresses (person_id) WHERE ended_ms IS NULL;
CREATE INDEX link_codes_of_person ON link_codes (person_id);
CREATE INDEX link_codes_by_end ON link_codes (expires_ms);
CREATE UNIQUE INDEX merchants_one_code ON merchants (lower(code));
CREATE INDEX staff_by_address ON staff (address_kind, address_value) WHERE address_value <> '';
CREATE INDEX staff_of_merchant ON staff (merchant_id);
CREATE UNIQUE INDEX staff_one_enrolment ON staff (enrol_hash) WHERE enrol_hash <> '';
CREATE UNIQUE INDEX conversations_one_active ON conversations (person_id) WHERE state = 'active';
CREATE INDEX conversations_by_age ON conversations (updated_ms);
CREATE INDEX sessions_by_age ON sessions (last_ms);
CREATE INDEX turns_in_order ON turns (scope, seq);
CREATE INDEX turns_by_age ON turns (at_ms);
CREATE INDEX turns_running ON turns (lease_until_ms) WHERE state = 'running';
CREATE INDEX orders_due ON orders (due_ms, id) WHERE due_ms IS NOT NULL;
CREATE INDEX orders_leased ON orders (lease_until_ms) WHERE lease_until_ms > 0;
CREATE INDEX orders_of_person ON orders (person_id, created_ms);
CREATE INDEX orders_by_age ON orders (created_ms, id);
CREATE INDEX orders_of_payer ON orders (payer, connection);
CREATE INDEX orders_open_of_payer ON orders (payer) WHERE state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED');
CREATE INDEX orders_open_connections ON orders (connection) WHERE state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED');
CREATE INDEX orders_collected ON orders (merchant_id, currency, amount_minor) WHERE state = 'SUCCESSFUL' AND kind = 'collection';
CREATE INDEX orders_waiting_for_otp ON orders (person_id) WHERE state = 'NEEDS_OTP';
CREATE INDEX orders_by_origin ON orders (origin_kind, origin_value);
CREATE UNIQUE INDEX orders_one_provider_reference ON orders (provider_reference, connection) WHERE provider_reference <> '';
CREATE INDEX orders_of_parent ON orders (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_to_send ON messages (urgency, created_ms, seq, id) WHERE state = 'queued';
CREATE INDEX messages_next ON messages (due_ms) WHERE state = 'queued';
CREATE INDEX messages_queued_of_address ON messages (address_kind, address_value, seq) WHERE state = 'queued';
CREATE INDEX messages_in_order ON messages (seq);
CREATE INDEX messages_sent_to_address ON messages (address_kind, address_value, sent_ms) WHERE sent_ms IS NOT NULL;
CREATE INDEX messages_of_order ON messages (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX messages_dead ON messages (created_ms) WHERE state = 'dead';
CREATE INDEX messages_untold ON messages (person_id, created_ms) WHERE state = 'dead' AND kind = 'result';
CREATE INDEX messages_by_age ON messages (created_ms);
CREATE INDEX inbox_waiting ON inbox (source, chat, update_id) WHERE body IS NOT NULL;
CREATE INDEX inbox_remembered ON inbox (received_ms) WHERE body IS NULL;
CREATE INDEX webhooks_by_age ON webhooks (received_ms);
CREATE INDEX incidents_by_age ON incidents (at_ms);
CREATE INDEX incidents_of_order ON incidents (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX uses_by_end ON uses (ends_ms);
CREATE TRIGGER transitions_never_change BEFORE UPDATE ON transitions
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER transitions_never_go BEFORE DELETE ON transitions
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER transitions_follow BEFORE INSERT ON transitions WHEN 
    EXISTS (SELECT 1 FROM transitions l WHERE l.order_id = NEW.order_id AND l.seq >= NEW.seq)
    OR (NEW.seq > 1 AND NOT EXISTS (
        SELECT 1 FROM transitions l WHERE l.order_id = NEW.order_id AND l.seq = NEW.seq - 1
        AND l.said = NEW.held AND l.at_ms <= NEW.at_ms
    ))

    BEGIN SELECT RAISE(ABORT, 'a line of the ledger follows the one before it'); END;
CREATE TRIGGER orders_never_go BEFORE DELETE ON orders
    BEGIN SELECT RAISE(ABORT, 'an order is never deleted'); END;
CREATE TRIGGER orders_keep_their_terms BEFORE UPDATE OF id, code, kind, connection, merchant_id, amount_minor, currency, payer, reference, reference_key, parent_id, created_ms ON orders
    BEGIN SELECT RAISE(ABORT, 'the terms of an order never change'); END;
CREATE TRIGGER orders_begin_new BEFORE INSERT ON orders WHEN NEW.state <> 'NEW'
    BEGIN SELECT RAISE(ABORT, 'an order begins NEW'); END;
CREATE TRIGGER orders_are_not_replaced BEFORE INSERT ON orders WHEN EXISTS (
        SELECT 1 FROM orders WHERE id = NEW.id UNION ALL SELECT 1 FROM orders WHERE code = NEW.code
        UNION ALL SELECT 1 FROM orders WHERE reference_key = NEW.reference_key
        UNION ALL SELECT 1 FROM orders
            WHERE conversation_id = NEW.conversation_id AND act_position = NEW.act_position
    )
    BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER orders_move_by_the_ledger BEFORE UPDATE OF state ON orders
    WHEN NEW.state <> OLD.state AND 
    NOT EXISTS (
        SELECT 1 FROM transitions l WHERE l.order_id = NEW.id AND l.held = OLD.state AND l.said = NEW.state
        AND l.seq = (SELECT MAX(seq) FROM transitions WHERE order_id = NEW.id)
    )

    BEGIN SELECT RAISE(ABORT, 'a state changes by a line of the ledger'); END;
CREATE TRIGGER orders_unresolved_are_told BEFORE UPDATE OF state ON orders
    WHEN NEW.state = 'UNRESOLVED' AND OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.order_id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'an order becomes UNRESOLVED with an incident'); END;
CREATE TRIGGER orders_accepted_once BEFORE UPDATE OF provider_reference, accepted_ms ON orders
    WHEN 
    (OLD.provider_reference <> '' AND NEW.provider_reference <> OLD.provider_reference)
    OR (OLD.accepted_ms IS NOT NULL AND (NEW.accepted_ms IS NULL OR NEW.accepted_ms <> OLD.accepted_ms))

    BEGIN SELECT RAISE(ABORT, 'what was accepted first is never replaced'); END;
CREATE TRIGGER orders_sent_once BEFORE UPDATE OF sent_ms, provider_reference, accepted_ms ON orders
    WHEN 
    (OLD.sent_ms IS NOT NULL AND NEW.sent_ms IS NULL)
    OR (OLD.sent_ms > 0 AND NEW.sent_ms > 0 AND NEW.sent_ms <> OLD.sent_ms)
    OR (NEW.sent_ms = 0 AND (NEW.accepted_ms IS NOT NULL OR NEW.provider_reference <> ''))

    BEGIN SELECT RAISE(ABORT, 'a request goes again only where nothing was accepted'); END;
CREATE TRIGGER refunds_fit_again AFTER UPDATE OF state ON orders
    WHEN NEW.parent_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED'
    AND 
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.amount_minor >= (
            SELECT SUM(r.amount_minor) FROM orders r WHERE r.parent_id = p.id AND r.state <> 'FAILED'
        )
    )

    BEGIN SELECT RAISE(ABORT, 'refunds never exceed the order they belong to'); END;
CREATE UNIQUE INDEX orders_one_follower ON orders (follows_id) WHERE follows_id IS NOT NULL;
CREATE INDEX orders_of_agreement ON orders (agreement_id, created_ms) WHERE agreement_id IS NOT NULL;
CREATE INDEX orders_of_merchant ON orders (merchant_id, created_ms);
CREATE INDEX orders_paid_out ON orders (currency, created_ms) WHERE kind IN ('transfer', 'deposit', 'refund');
CREATE UNIQUE INDEX agreements_one_preapproval ON agreements (merchant_id, connection, payer)
    WHERE kind = 'preapproval' AND state NOT IN ('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED')
    ;
CREATE INDEX agreements_of_payer ON agreements (payer, kind);
CREATE INDEX agreements_of_merchant ON agreements (merchant_id, kind, created_ms);
CREATE INDEX agreements_due ON agreements (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX agreements_leased ON agreements (lease_until_ms) WHERE lease_until_ms > 0;
CREATE UNIQUE INDEX approvals_one_act ON approvals (conversation_id, act_position) WHERE conversation_id IS NOT NULL;
CREATE INDEX approvals_waiting ON approvals (merchant_id, created_ms) WHERE state = 'waiting';
CREATE TRIGGER orders_keep_all_their_terms BEFORE UPDATE OF payee, terms, agreement_id, staff_id, approved_by, follows_id ON orders
    BEGIN SELECT RAISE(ABORT, 'the terms of an order never change'); END;
CREATE TRIGGER refunds_fit AFTER INSERT ON orders
    WHEN NEW.parent_id IS NOT NULL AND (
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.kind IN ('collection', 'agreement_charge')
        AND p.state = 'SUCCESSFUL' AND p.merchant_id = NEW.merchant_id AND p.connection = NEW.connection
        AND p.currency = NEW.currency
    )
 OR 
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.amount_minor >= (
            SELECT SUM(r.amount_minor) FROM orders r WHERE r.parent_id = p.id AND r.state <> 'FAILED'
        )
    )
)
    BEGIN SELECT RAISE(ABORT, 'refunds never exceed the order they belong to'); END;
CREATE TRIGGER payouts_may_be_off BEFORE INSERT ON orders WHEN 
    NEW.kind IN ('transfer', 'deposit', 'refund')
    AND EXISTS (SELECT 1 FROM switches WHERE name = 'payouts' AND is_off = 1)

    BEGIN SELECT RAISE(ABORT, 'payouts are switched off'); END;
CREATE TRIGGER agreement_lines_never_change BEFORE UPDATE ON agreement_lines
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER agreement_lines_never_go BEFORE DELETE ON agreement_lines
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER agreements_never_go BEFORE DELETE ON agreements
    BEGIN SELECT RAISE(ABORT, 'an agreement is never deleted'); END;
CREATE TRIGGER agreements_move_by_the_ledger BEFORE UPDATE OF state ON agreements
    WHEN NEW.state <> OLD.state AND 
    NOT EXISTS (
        SELECT 1 FROM agreement_lines l WHERE l.agreement_id = NEW.id AND l.held = OLD.state
        AND l.said = NEW.state
        AND l.seq = (SELECT MAX(seq) FROM agreement_lines WHERE agreement_id = NEW.id)
    )

    BEGIN SELECT RAISE(ABORT, 'an agreement moves by a line of its ledger'); END;
CREATE TRIGGER approvals_are_decided_once BEFORE UPDATE ON approvals WHEN OLD.state <> 'waiting'
    BEGIN SELECT RAISE(ABORT, 'an approval is decided once'); END;
CREATE TRIGGER refunds_leave_paid_bills AFTER INSERT ON orders
    WHEN NEW.parent_id IS NOT NULL AND 
    EXISTS (SELECT 1 FROM orders b WHERE b.follows_id = NEW.parent_id AND b.state <> 'FAILED')

    BEGIN SELECT RAISE(ABORT, 'refunds never exceed the order they belong to: its money paid a bill'); END;
CREATE TRIGGER refunds_leave_paid_bills_again AFTER UPDATE OF state ON orders
    WHEN NEW.parent_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED' AND 
    EXISTS (SELECT 1 FROM orders b WHERE b.follows_id = NEW.parent_id AND b.state <> 'FAILED')

    BEGIN SELECT RAISE(ABORT, 'refunds never exceed the order they belong to: its money paid a bill'); END;
CREATE TRIGGER bills_leave_refunded_money AFTER UPDATE OF state ON orders
    WHEN NEW.follows_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED' AND 
    EXISTS (SELECT 1 FROM orders r WHERE r.parent_id = NEW.follows_id AND r.state <> 'FAILED')

    BEGIN SELECT RAISE(ABORT, 'refunds never exceed the order they belong to: its money paid a bill'); END;
CREATE TRIGGER orders_restored_stay BEFORE UPDATE OF sent_ms, restored_ms ON orders WHEN OLD.restored_ms IS NOT NULL AND (NEW.restored_ms IS NULL OR NEW.sent_ms = 0)
    BEGIN SELECT RAISE(ABORT, 'what was put back from a copy is never sent again'); END;
CREATE INDEX orders_without_place ON orders (connection) WHERE place = '';
CREATE INDEX agreements_without_place ON agreements (connection) WHERE place = '';
CREATE INDEX rechecks_due ON rechecks (due_ms, order_id);
CREATE INDEX webhooks_of_reference ON webhooks (reference) WHERE reference <> '';
CREATE TRIGGER orders_keep_their_place BEFORE UPDATE OF place ON orders
    WHEN OLD.place <> '' AND NEW.place <> OLD.place
    BEGIN SELECT RAISE(ABORT, 'where an order belongs never changes'); END;
CREATE INDEX addresses_unlinked ON addresses (seen_ms) WHERE verified_ms IS NULL AND ended_ms IS NULL;
COMMIT;
