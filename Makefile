# Short names for dev.py, which does the work.
PYTHON ?= python3

# ROWS of `make bench ROWS=zip,mail` reaches dev.py through the environment.
.PHONY: help run test check demo faults bench lock clean

help run check bench lock clean:
	@$(PYTHON) dev.py $@

test:
	@$(PYTHON) dev.py test $(ARGS)

demo:
	@$(PYTHON) dev.py demo $(if $(OUT),--out "$(OUT)")

faults:
	@$(PYTHON) dev.py faults $(ARGS)
