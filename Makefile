# Short names for dev.py, which does the work.
PYTHON ?= python3

.PHONY: help run test check demo faults lock clean

help run check lock clean:
	@$(PYTHON) dev.py $@

test:
	@$(PYTHON) dev.py test $(ARGS)

demo:
	@$(PYTHON) dev.py demo $(if $(OUT),--out "$(OUT)")

faults:
	@$(PYTHON) dev.py faults $(ARGS)
