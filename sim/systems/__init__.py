"""What each system believes and decides: ERP, WMS, POS, OMS, TMS, suppliers and stores."""
